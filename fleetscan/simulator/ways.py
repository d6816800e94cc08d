"""The ways in which one exchange with the simulated cloud can go wrong."""

from __future__ import annotations

from enum import StrEnum


class Way(StrEnum):
    """What happens to a request. Where nothing else is said it is not handled, and costs no tokens."""

    NOT_SENT = "not_sent"
    """No connection is made; the request never reaches the cloud."""
    RESET_BEFORE = "reset_before"
    """The connection breaks once the request was sent."""
    RESET_AFTER = "reset_after"
    """The request is handled, and the connection breaks before the reply: a start may be accepted."""
    STALL_BEFORE = "stall_before"
    """As RESET_BEFORE, after a long silence."""
    STALL_AFTER = "stall_after"
    """As RESET_AFTER, after a long silence."""

    REQUEST_TIMEOUT = "request_timeout"
    """408 with HTML."""
    SERVER_ERROR = "server_error"
    """500 with HTML."""
    BAD_GATEWAY = "bad_gateway"
    """502 with HTML."""
    UNAVAILABLE = "unavailable"
    """503 with HTML."""
    GATEWAY_TIMEOUT = "gateway_timeout"
    """504 with HTML."""
    GATEWAY_TIMEOUT_AFTER = "gateway_timeout_after"
    """The request is handled, and answered 504 with HTML: a start may be accepted."""
    THROTTLED = "throttled"
    """429 in the shape of ARM or of Compute, with a Retry-After of any form or none."""
    REDIRECTED = "redirected"
    """302 to another host."""
    CHALLENGED = "challenged"
    """401 with a claims challenge."""

    TRUNCATED_BODY = "truncated_body"
    """The request is handled; half of the 200's body is missing."""
    ARRAY_BODY = "array_body"
    """The request is handled; the 200's body is an array with the right object in it."""
    EMPTY_BODY = "empty_body"
    """The request is handled; the 200 has no body."""
    HTML_BODY = "html_body"
    """The request is handled; the 200's body is a page of HTML, and says so."""
    HUGE_BODY = "huge_body"
    """The request is handled; the 200's body has 2 MB of blanks around the right JSON, and is right."""

    LOST_POLL = "lost_poll"
    """A poll is answered 404, once a machine, though its operation is there."""
    MISSING_URLS = "missing_urls"
    """A start is handled, and its 202 does not say where to poll."""
    ASTRAY_URLS = "astray_urls"
    """A start is handled, and its 202 leads to another host."""
