"""The one 401 that no fresh token cures: a good token, and a subscription of another tenant."""

from __future__ import annotations

from fleetscan.model import Reply

# The code as Azure's JSON quotes it, so that a longer word or a sentence is not taken for it.
CODE = b'"InvalidAuthenticationTokenTenant"'


def is_other_tenant(reply: Reply) -> bool:
    """Whether `reply` refuses a good token because the subscription belongs to another tenant."""
    return reply.status == 401 and CODE in reply.body
