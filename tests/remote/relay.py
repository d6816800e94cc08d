"""A relay before object storage that can be told to break every connection for a while."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self


class Relay:
    """A context that relays loopback connections at `at` to `port`; `broken` counts those refused."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.at = int(self._listener.getsockname()[1])
        self.broken = 0
        self._down_until = self._silent_until = 0.0
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []

    def break_for(self, seconds: float) -> None:
        """Break what is open, and refuse what comes within so many seconds."""
        self._down_until = time.monotonic() + seconds
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def hang_for(self, seconds: float) -> None:
        """Pass nothing on for so many seconds: who waits for an answer gets none."""
        self._silent_until = time.monotonic() + seconds

    def __enter__(self) -> Self:
        self._begin(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self.break_for(0.0)
        for thread in self._threads:
            thread.join()
        for each in (self._listener, *self._open):
            each.close()

    def _begin(self, work: Callable[..., None], *told: socket.socket) -> None:
        self._threads.append(threading.Thread(target=work, args=told, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if time.monotonic() < self._down_until:
                self.broken += 1
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self._port))
            self._open += [client, server]
            for one, other in ((client, server), (server, client)):
                self._begin(self._pass_on, one, other)

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                while time.monotonic() < self._silent_until:
                    time.sleep(0.02)
                other.sendall(data)
        for each in (one, other):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
