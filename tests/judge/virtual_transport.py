"""azure-core's transport over the simulated Azure in virtual time: `sleep` is what makes time pass."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest, HttpResponse
from azure.core.utils import case_insensitive_dict

from fleetscan.model import Reply, Request
from fleetscan.simulator.cloud import Cloud


class VirtualTransport(HttpTransport[HttpRequest, HttpResponse]):
    """Answers azure-core's requests by plain calls of `cloud`."""

    def __init__(self, cloud: Cloud) -> None:
        self.now = 0.0
        self._cloud = cloud

    def send(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """One exchange, a fraction of a second long."""
        method = "POST" if request.method == "POST" else "GET"
        reply = self._cloud.handle(Request(method, request.url), self.now)  # type: ignore[arg-type, unused-ignore]
        self.now += 0.08
        return VirtualResponse(request, reply)

    def sleep(self, duration: float) -> None:
        """Let virtual time pass."""
        self.now += duration

    def open(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""

    def __enter__(self) -> VirtualTransport:
        return self

    def __exit__(self, *args: object) -> None:
        """Nothing to close."""


class VirtualResponse(HttpResponse):
    """A reply as azure-core reads it."""

    def __init__(self, request: HttpRequest, reply: Reply) -> None:
        self._request = request
        self._reply = reply
        self._headers = case_insensitive_dict(reply.headers)

    @property
    def request(self) -> HttpRequest:
        return self._request

    @property
    def status_code(self) -> int:
        return self._reply.status

    @property
    def headers(self) -> Any:
        return self._headers

    @property
    def reason(self) -> str:
        return ""

    @property
    def content_type(self) -> str | None:
        return self._reply.headers.get("content-type")

    @property
    def is_closed(self) -> bool:
        return True

    @property
    def is_stream_consumed(self) -> bool:
        return True

    @property  # type: ignore[misc]
    def encoding(self) -> str | None:
        return "utf-8"

    @property
    def url(self) -> str:
        return self._request.url

    @property
    def content(self) -> bytes:
        return self._reply.body

    def text(self, encoding: str | None = None) -> str:
        return self._reply.body.decode(encoding or "utf-8")

    def json(self) -> Any:
        return json.loads(self._reply.body)

    def raise_for_status(self) -> None:
        """azure-core's pollers judge by the status code themselves."""

    def read(self) -> bytes:
        return self._reply.body

    def iter_raw(self, **kwargs: Any) -> Iterator[bytes]:
        return iter([self._reply.body])

    def iter_bytes(self, **kwargs: Any) -> Iterator[bytes]:
        return iter([self._reply.body])

    def close(self) -> None:
        """Nothing to close."""

    def __enter__(self) -> VirtualResponse:
        return self

    def __exit__(self, *args: object) -> None:
        """Nothing to close."""
