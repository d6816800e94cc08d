"""How requests leave this computer: through which proxy, and whose certificates are trusted.

One value for Azure's endpoint and for the services that hand out tokens. Plain http never goes through a
proxy, which would read the token; nothing turns the checking of certificates off.
"""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from types import MappingProxyType
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from fleetscan.addresses import Origin, ProxyAddress
from fleetscan.errors import CredentialError, Remedy, SettingError, UsageError

PROXIES = ("https_proxy", "HTTPS_PROXY")
"""The variables that name a proxy, the first that is set. HTTP_PROXY is for plain http, which is direct."""
NOT_PROXIED = ("no_proxy", "NO_PROXY")
"""The variables with hosts that are reached directly, the one that counts first."""
CA_BUNDLE = "ca_bundle"
SSL_CERT_FILE = "SSL_CERT_FILE"
CERTIFICATES = (SSL_CERT_FILE, "REQUESTS_CA_BUNDLE")
"""The variables that name a file of trusted certificates, the one that counts first."""
# What the system trusts has 0.2 MB.
MAX_BUNDLE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where requests leave through; no URL means directly.

    `headers`, the login, travel with CONNECT, and no header of a request does. No repr shows them.
    """

    url: URL | None = None
    headers: Mapping[str, str] | None = None

    def __repr__(self) -> str:
        return f"Proxy({self.url})"

    @property
    def place(self) -> str:
        """Host and port, as errors name them."""
        return "" if self.url is None else f"{self.url.host_subcomponent}:{self.url.port}"


DIRECT = Proxy()


@dataclass(frozen=True, slots=True)
class Trusted:
    """The file, or directory, of certificates that count, and who named it: `ca_bundle` or a variable."""

    path: str
    named_by: str


class Network:
    """The proxy and the trusted certificates that the settings name, else the environment, else the system.

    `proxy` and `ca_bundle` are the settings' values. What `environment` names is looked at when it is needed.
    """

    __slots__ = ("_environment", "_proxy", "_tls", "refused", "trusted")

    def __init__(
        self,
        proxy: str | None = None,
        ca_bundle: str | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Raises SettingError for a proxy that is none, and for a file without certificates."""
        try:
            self._proxy = None if proxy is None else ProxyAddress.of(proxy)
        except ValueError as error:
            raise SettingError("proxy", f"must be http://host:port: {error}") from None
        self._environment = environment
        self.trusted = _trusted(ca_bundle, environment)
        self._tls: ssl.SSLContext | None = None
        # Why no later try to sign in can fare better; credentials wrap errors in texts of their own.
        self.refused: CredentialError | None = None
        if ca_bundle is not None:
            self.tls()

    def __repr__(self) -> str:
        return f"Network({self._proxy!r}, {self.trusted!r})"

    def proxy_for(self, origin: Origin) -> Proxy:
        """The proxy to Azure's endpoint at `origin`.

        This machine is reached through the proxy of the settings alone, and never over plain http. Raises
        UsageError where the environment names something that is no HTTP proxy.
        """
        is_here = origin.is_loopback or origin.is_link_local
        if origin.scheme != "https" or (is_here and self._proxy is None):
            return DIRECT
        return self._proxy_to(origin)

    def proxy_for_sign_in(self, origin: Origin) -> Proxy:
        """The proxy to a service that hands out tokens; none for those of the machine itself."""
        if origin.scheme != "https" or origin.is_loopback or origin.is_link_local:
            return DIRECT
        return self._proxy_to(origin)

    def _proxy_to(self, origin: Origin) -> Proxy:
        if is_exempt(origin, _first(NOT_PROXIED, self._environment)[1]):
            return DIRECT
        return _with_login(self._proxy) if self._proxy is not None else self._named_outside(origin)

    def _named_outside(self, origin: Origin) -> Proxy:
        """The proxy that the environment names, else the system's own settings, where it has such."""
        name, address = _first(PROXIES, self._environment)
        if not name:
            name, address = "the system's proxy", getproxies().get("https", "")
            if address and proxy_bypass(origin.host):
                return DIRECT
        if not address:
            return DIRECT
        try:
            return _with_login(ProxyAddress.of(address))
        except ValueError as error:
            remedy = Remedy("correct it, or unset it to connect directly")
            raise UsageError(f"{name} must be http://host:port ({error})", remedy) from None

    def tls(self) -> ssl.SSLContext | bool:
        """The context of connections, read at the first call; True where the system's certificates count.

        Raises SettingError or UsageError where the file that was named holds no certificate.
        """
        if self.trusted is None:
            return True
        if self._tls is None:
            self._tls = _context(self.trusted)
        return self._tls


def is_exempt(origin: Origin, listed: str) -> bool:
    """Whether `listed`, as NO_PROXY has it, names `origin`.

    Its parts, between commas or blanks, are hosts (and all below them), with a port or without, addresses,
    networks such as 10.0.0.0/8, or a `*` for everything.
    """
    return any(_names(part.lower(), origin) for part in listed.replace(",", " ").split())


def _names(part: str, origin: Origin) -> bool:
    if part == "*":
        return True
    try:
        return ip_address(origin.host) in ip_network(part.strip("[]"), strict=False)
    except ValueError:
        pass
    host, colon, port = part.rpartition(":")
    if colon and port.isascii() and port.isdigit() and ("]" in host or ":" not in host):
        return int(port) == origin.port and _names(host, origin)
    name = part.removeprefix("*").strip(".")
    return bool(name) and f".{origin.host}".endswith(f".{name}")


def _first(names: tuple[str, ...], environment: Mapping[str, str]) -> tuple[str, str]:
    """The first of the variables that is set, and its value: set to nothing, it means none."""
    return next(((name, environment[name].strip()) for name in names if name in environment), ("", ""))


def _with_login(address: ProxyAddress) -> Proxy:
    headers = None
    if address.login is not None:
        headers = {"Proxy-Authorization": aiohttp.encode_basic_auth(*address.login)}
    return Proxy(URL(address.origin.url), headers)


def _trusted(ca_bundle: str | None, environment: Mapping[str, str]) -> Trusted | None:
    if ca_bundle is not None:
        return Trusted(ca_bundle, CA_BUNDLE)
    named = next((name for name in CERTIFICATES if environment.get(name)), None)
    return None if named is None else Trusted(environment[named], named)


def _context(trusted: Trusted) -> ssl.SSLContext:
    """A context that trusts `trusted` and nothing else.

    With SSL_CERT_FILE it trusts the certificates in OpenSSL's directory as well: all programs read it so.
    """
    try:
        _check_form(trusted.path)
        directory = ssl.get_default_verify_paths().capath if trusted.named_by == SSL_CERT_FILE else None
        if os.path.isdir(trusted.path):
            context = ssl.create_default_context(capath=trusted.path)
        else:
            context = ssl.create_default_context(cafile=trusted.path, capath=directory)
    except (OSError, ValueError) as error:
        raise _unusable(trusted, error) from None
    if not os.path.isdir(trusted.path) and not context.cert_store_stats()["x509"]:
        raise _unusable(trusted, ValueError("without any certificate"))
    # As aiohttp's own contexts: nothing else is spoken.
    context.set_alpn_protocols(("http/1.1",))
    return context


def _check_form(path: str) -> None:
    """Raises ValueError where `path` is nothing that certificates are read from."""
    found = os.stat(path)
    if stat.S_ISDIR(found.st_mode):
        # OpenSSL finds a certificate in a directory by its hash.
        if not any(name.rpartition(".")[2].isdigit() for name in os.listdir(path)):
            raise ValueError("a directory without hashed names (openssl rehash makes them)")
    elif stat.S_ISREG(found.st_mode):
        if not 0 < found.st_size <= MAX_BUNDLE_BYTES:
            raise ValueError("empty" if found.st_size == 0 else "too large for a file of certificates")
    elif not stat.S_ISFIFO(found.st_mode):
        raise ValueError("neither a file nor a directory")


def _unusable(trusted: Trusted, error: Exception) -> UsageError:
    match error:
        case ssl.SSLError(reason="NO_CERTIFICATE_OR_CRL_FOUND"):
            why = "which holds no certificate in PEM format"
        case ssl.SSLError():
            why = "which holds a damaged certificate"
        case OSError():
            why = f"which cannot be read: {error.strerror}"
        case _:
            why = f"which is {error}"
    if trusted.named_by == CA_BUNDLE:
        return SettingError(CA_BUNDLE, f"names {trusted.path}, {why}")
    remedy = Remedy("correct it, or unset it to trust what the system trusts")
    return UsageError(f"{trusted.named_by} names {trusted.path}, {why}", remedy)
