"""Certificates of a CA of the test's own, by trustme."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

NAMES = ("arm.azure.test", "login.azure.test", "127.0.0.1", "localhost")


class Authority:
    """A CA of one organisation; `bundle` is the file with its certificate."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.ca = trustme.CA(organization_name=name)
        self.bundle = folder / f"{name}.pem"
        self.ca.cert_pem.write_to_path(str(self.bundle))

    def server(self, *names: str, days: float = 30.0) -> ssl.SSLContext:
        """A server's context for `names`, whose certificate is good for so many days from now, or expired."""
        now = datetime.now(UTC)
        issued = self.ca.issue_cert(
            *(names or NAMES), not_before=now - timedelta(days=60), not_after=now + timedelta(days=days)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued.configure_cert(context)
        return context
