"""Whether the endpoint can be reached: its name first, then TCP and TLS by the scan's own transport.

The transport is asked with a word in the token's place, so that a network is told from a sign-in: Azure
refuses it, and has been reached. Proxies and certificates are the transport's own matter, and its words are
shown.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import anyio

from fleetscan.addresses import Origin
from fleetscan.azure.network import CA_BUNDLE, DIRECT, Network, Proxy
from fleetscan.doctor.findings import Finding, some
from fleetscan.doctor.heard import Clock, Listening, Quotas
from fleetscan.errors import CannotScanError, Remedy, SettingError, StoppedError, UsageError
from fleetscan.inventory.subscriptions import API_VERSION
from fleetscan.model import Reply, Request, RequestKind
from fleetscan.scanner.blocking import unless_stopped
from fleetscan.scanner.connection import connect
from fleetscan.scanner.silence import to_reach
from fleetscan.settings.selecting import ListSettings

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken

# A resolver gives up on a silent server after 5 s, and most have two.
RESOLVING_S = 12.0
ATTEMPTS = 2
# What failed so late has been waited for, and is not tried again.
PATIENT_S = 5.0
# In the token's place; it opens nothing.
NO_TOKEN = "fleetscan-doctor-without-a-token"  # noqa: S105 - a word, not a token
LIFETIME_S = 3600


@dataclass(frozen=True, slots=True)
class Resolved:
    """The addresses of a host, or why there are none."""

    addresses: tuple[str, ...] = ()
    error: str | None = None


class NoIdentity:
    """A credential in the form that azure-identity has, whose token is a word that no Azure takes."""

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """The word, as a token."""
        from azure.core.credentials import AccessToken

        return AccessToken(NO_TOKEN, int(time.time()) + LIFETIME_S)

    async def close(self) -> None:
        """Nothing is open."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Nothing is open."""


async def resolve(origin: Origin, stop: anyio.Event) -> Resolved:
    """The addresses of `origin`'s host. Raises StoppedError when `stop` is set."""
    try:
        read = partial(_addresses, origin.host, origin.port)
        return await unless_stopped(read, stop, time.monotonic() + RESOLVING_S)
    except StoppedError:
        if stop.is_set():
            raise
        return Resolved(error=f"no name server answered within {RESOLVING_S:g} s")


def _addresses(host: str, port: int) -> Resolved:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return Resolved(error=error.strerror or str(error))
    except UnicodeError:
        return Resolved(error="the name cannot be looked up")
    return Resolved(tuple(dict.fromkeys(str(each[4][0]) for each in found)))


def way_to(origin: Origin, settings: ListSettings) -> Proxy | Finding:
    """The proxy through which requests leave; a failed check where it, or a file to trust, cannot be used.

    Raises SettingError for a setting that names no proxy.
    """
    try:
        network = Network(settings.proxy, settings.ca_bundle, os.environ)
        proxy = network.proxy_for(origin)
        if origin.scheme == "https":
            network.tls()
    except SettingError as error:
        if error.name != CA_BUNDLE:
            raise
        remedy = Remedy(
            "correct {ca_bundle}, or leave it out to trust what the system trusts", {CA_BUNDLE: None}
        )
        return Finding("connection", "failed", f"the setting of trusted certificates {error.clause}", remedy)
    except UsageError as error:
        return Finding("connection", "failed", error.what, error.remedy)
    return proxy


async def knock(
    settings: ListSettings, clock: Clock, wall: Callable[[], float], monotonic: Callable[[], float]
) -> tuple[Reply | CannotScanError, float]:
    """The reply to a request without a token, or why none can come, and how long it took; `clock` hears it.

    Raises UsageError where a setting of the network makes no sense.
    """
    url = f"{settings.endpoint}/subscriptions?api-version={API_VERSION}"
    request = Request("GET", url, kind=RequestKind.LIST_SUBSCRIPTIONS)
    async with connect(settings, NoIdentity()) as (transport, _):
        listening = Listening(transport, clock, Quotas(), wall)
        for _ in range(ATTEMPTS):
            began_at = monotonic()
            try:
                reply = await listening.exchange(request)
            except CannotScanError as error:
                return error, monotonic() - began_at
            took_s = monotonic() - began_at
            if reply.fault is None or took_s > PATIENT_S:
                break
    return reply, took_s


def findings_of(
    origin: Origin,
    resolved: Resolved,
    reply: Reply | CannotScanError,
    took_s: float,
    proxy: Proxy = DIRECT,
) -> list[Finding]:
    """What the two looks at the network found, where requests leave through `proxy`."""
    name = name_of(origin, resolved, proxy, is_reached=is_reached(reply))
    return [name, _of_connection(origin, reply, took_s)]


def is_reached(reply: Reply | CannotScanError) -> bool:
    """Whether the endpoint replied, whatever it said."""
    return isinstance(reply, Reply) and reply.fault is None


def name_of(origin: Origin, resolved: Resolved, proxy: Proxy | None, *, is_reached: bool) -> Finding:
    """What is said of the endpoint's name, which a proxy looks up itself.

    `proxy` is None where it is not known whether requests leave through one.
    """
    if resolved.error is None:
        addresses = list(resolved.addresses)
        if addresses == [origin.host]:
            return Finding("name", "ok", f"{origin.host} is an address")
        return Finding("name", "ok", f"{origin.host} is {some(addresses)}")
    what = f"{origin.host} is not known here: {resolved.error}"
    if proxy is not None and proxy.url is not None:
        does = "knows it" if is_reached else "looks it up itself"
        return Finding("name", "ok", f"{what}; the proxy {does}")
    remedy = Remedy("check {endpoint}, and the name servers and proxy of this computer", {"endpoint": None})
    return Finding("name", "warning" if proxy is None else "failed", what, remedy)


def _of_connection(origin: Origin, reply: Reply | CannotScanError, took_s: float) -> Finding:
    if isinstance(reply, CannotScanError):
        return Finding("connection", "failed", reply.what, reply.remedy)
    if reply.fault is None:
        how = "over TLS" if origin.scheme == "https" else "without TLS, on this computer"
        what = f"connected to {origin.host}:{origin.port} {how} in {took_s:.2f} s"
        return Finding("connection", "ok", what)
    return Finding("connection", "failed", reply.detail, to_reach(reply.detail))
