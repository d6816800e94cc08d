"""Lets a process reach loopback alone, and notes what else it tries: tests reach for nothing outside.

Python loads a file of this name by itself from PYTHONPATH, so child processes have the guard before anything
of their own; the tests' own process loads it by name. Another address is refused as by a firewall, and
written to the file in the variable NOTES: the test that caused it fails.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import socket
import sys
from collections.abc import Callable
from functools import wraps
from importlib.machinery import ModuleSpec
from ipaddress import ip_address
from types import ModuleType
from typing import Any

NOTES = "LOOPBACK_GUARD_NOTES"
OWN = frozenset({None, "", "localhost", "localhost.localdomain", "ip6-localhost"})
RESOLVER = "aiohttp.resolver"


def is_outside(host: object) -> bool:
    """Whether a name or an address is none of this machine's loopback."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host in OWN:
        return False
    try:
        return not ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return True


def refuse(host: object) -> None:
    """Note, and refuse, what is outside."""
    if is_outside(host):
        with open(os.environ.get(NOTES, os.devnull), "a", encoding="utf-8") as notes:
            notes.write(f"{host!r} was reached for by {' '.join(sys.orig_argv)[:200]}\n")
        raise PermissionError(f"tests reach loopback alone, and not {host!r}")


def guard_sockets() -> None:
    """Have this process's sockets and look-ups refuse what is outside; a second time does nothing."""
    if hasattr(socket.socket.connect, "__wrapped__"):
        return
    for name in ("connect", "connect_ex", "sendto", "sendmsg"):
        setattr(socket.socket, name, _checked(getattr(socket.socket, name)))
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
        setattr(socket, name, _looking_up(getattr(socket, name)))
    if RESOLVER in sys.modules:
        guard_resolver(sys.modules[RESOLVER])
    else:
        sys.meta_path.insert(0, _Watch())


def guard_resolver(resolver: ModuleType) -> None:
    """The same for names that aiohttp looks up: uvloop asks the system past Python."""
    import asyncio  # aiohttp has loaded it; most processes do not need it

    resolve = resolver.ThreadedResolver.resolve

    async def guarded(self: object, host: str, *more: Any, **named: Any) -> object:
        # asyncio's own loop asks by the look-ups above.
        if type(asyncio.get_running_loop()).__module__ == "uvloop":
            refuse(host)
        return await resolve(self, host, *more, **named)

    resolver.ThreadedResolver.resolve = guarded


def _checked(call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def guarded(sock: socket.socket, *told: Any) -> Any:
        # The address is the last of what is told, if there is one; that of a Unix socket is a text.
        if told and isinstance(told[-1], tuple):
            refuse(told[-1][0])
        return call(sock, *told)

    return guarded


def _looking_up(call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def guarded(host: object, *more: Any, **named: Any) -> Any:
        refuse(host)
        return call(host, *more, **named)

    return guarded


class _Watch(importlib.abc.MetaPathFinder):
    """Guards aiohttp's resolver as soon as it is loaded: most processes never load it."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name != RESOLVER:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        load = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            load(module)
            guard_resolver(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if NOTES in os.environ:
    guard_sockets()
