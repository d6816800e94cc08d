"""proxy.py's plugin for tests: every name is this machine, each CONNECT is noted, a tunnel may be cut.

The proxy's process is told by variables: NOTES is the file for what it was sent in plain, CUT_AFTER the bytes
from upstream after which a tunnel is cut, and CUTS how many are. REFUSED are the numbers of the CONNECTs that
get a 503.
"""

from __future__ import annotations

import os
from pathlib import Path

from proxy.http.exception import HttpProtocolException, HttpRequestRejected
from proxy.http.parser import HttpParser
from proxy.http.proxy import HttpProxyBasePlugin

NOTES = Path(os.environ.get("NOTES", os.devnull))
CUT_AFTER = int(os.environ.get("CUT_AFTER", "0"))
REFUSED = os.environ.get("REFUSED", "").split()


class LoopbackPlugin(HttpProxyBasePlugin):
    """One for each connection of a client."""

    cuts_left = int(os.environ.get("CUTS", "0"))
    asked = 0
    passed = 0

    def resolve_dns(self, host: str, port: int) -> tuple[str | None, tuple[str, int] | None]:
        return "127.0.0.1", None

    def before_upstream_connection(self, request: HttpParser) -> HttpParser | None:
        headers = [b": ".join(header) for header in (request.headers or {}).values()]
        line = b"%s %s:%d" % (request.method or b"", request.host or b"", request.port or 0)
        with NOTES.open("ab") as notes:
            notes.write(b"\n".join([line, *headers]) + b"\n\n")
        LoopbackPlugin.asked += 1
        if str(LoopbackPlugin.asked) in REFUSED:
            raise HttpRequestRejected(status_code=503, reason=b"Busy")
        return request

    def handle_upstream_chunk(self, chunk: memoryview) -> memoryview | None:
        self.passed += len(chunk)
        if LoopbackPlugin.cuts_left and self.passed > CUT_AFTER:
            LoopbackPlugin.cuts_left -= 1
            with NOTES.with_name("cuts").open("a") as cuts:
                cuts.write("x")
            raise HttpProtocolException("cut")
        return chunk
