"""Reads the certificates that a TLS context trusts when it makes its first connection, and not before.

aiohttp makes two contexts as it is imported and reads 144 certificates into each, whether or not TLS is ever
spoken: 35 ms of CPU. What a context checks is not touched, and until it has read its certificates it trusts
none: a mistake here would refuse connections and let none through.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class LateTrust(ssl.SSLContext):
    """A context that reads what the system trusts when it is first used, and then is an ordinary one."""

    def wrap_bio(self, *args: Any, **named: Any) -> ssl.SSLObject:
        """See SSLContext; event loops make their connections with it."""
        return self._ordinary().wrap_bio(*args, **named)

    def wrap_socket(self, *args: Any, **named: Any) -> ssl.SSLSocket:
        """See SSLContext."""
        return self._ordinary().wrap_socket(*args, **named)

    def _ordinary(self) -> ssl.SSLContext:
        self.set_default_verify_paths()
        self.__class__ = ssl.SSLContext  # type: ignore[assignment]
        return self


@contextmanager
def trust_read_late() -> Iterator[None]:
    """Contexts that are made in the block with what the system trusts read it when they are first used.

    Around imports, in a process of our own: it holds for all threads, and nothing connects meanwhile.
    """

    def put_off(self: ssl.SSLContext) -> None:
        self.__class__ = LateTrust

    # A context has this method from its base class. One of its own comes first, and is gone after the block.
    ssl.SSLContext.set_default_verify_paths = put_off  # type: ignore[method-assign]
    try:
        yield
    finally:
        del ssl.SSLContext.set_default_verify_paths
