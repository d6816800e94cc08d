"""What names a place at Azure: a machine's resource id, and the origin that a token may travel to. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypedDict
from urllib.parse import unquote

from fleetscan.clouds import BY_HOST

# Stands where a reply repeated a token of ours. A URL or an id that has it was another: it is not followed.
HIDDEN = "<token>"

DEFAULT_PORTS = {"https": 443, "http": 80}
# No lone surrogates: no URL can hold one. Nor what stands for them where text was read: the name was another.
_NAME = r"[^/?#%\\\s\x00-\x1f\x7f\ud800-\udfff\ufffd]{1,128}"
VM_ID = re.compile(
    rf"/subscriptions/(?P<subscription>[0-9A-Za-z-]{{1,64}})/resourceGroups/(?P<group>{_NAME})"
    rf"/providers/(?:Microsoft\.Compute/virtualMachines|Microsoft\.HybridCompute/machines)/(?P<name>{_NAME})",
    re.IGNORECASE | re.ASCII,
)

_ABSOLUTE = re.compile(r"(https?)://([^/?#]*)", re.IGNORECASE | re.ASCII)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*://)(.*)", re.IGNORECASE | re.ASCII | re.DOTALL)
_LOGIN = re.compile(r"((?:[a-z][a-z0-9+.-]*:)?//)[^\s'\"]*@|[^\s'\"/]+:[^\s'\"]+@", re.IGNORECASE | re.ASCII)
_PLACE = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>.*))?", re.DOTALL)
_PORT = re.compile(r"[0-9]{1,8}", re.ASCII)
MAX_PORT = 65_535
# RFC 1123, and underscores besides: names inside networks have them, and every resolver takes them. No dot at
# the end: Azure's own links have none, so they would lead to another origin.
_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
MAX_HOST_CHARS = 253
# A last label like these makes a name an IPv4 address (WHATWG): resolvers read 1.2.3 and 0x7f.1 as one.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class VmId:
    """The parts of the resource id of a VM or an Arc server, in the case they came in."""

    subscription_id: str
    resource_group: str
    name: str


def parse_vm_id(text: str) -> VmId:
    """The parts of the resource id of a VM or an Arc server; ValueError for anything else."""
    found = VM_ID.fullmatch(text)
    if found is None or HIDDEN in text or not {".", ".."}.isdisjoint((found["group"], found["name"])):
        raise ValueError(
            "not a virtual machine's resource id (/subscriptions/ID/resourceGroups/GROUP"
            "/providers/Microsoft.Compute/virtualMachines/NAME)"
        )
    return VmId(found["subscription"], found["group"], found["name"])


class Insertion(TypedDict):
    """A URL told as what it adds to another: `text`, put in at the position `at`."""

    at: int
    text: str


class FollowedUrls(TypedDict):
    """The newest URLs an operation is followed under, each "" where Azure gave none.

    They are signed and some 3.3 kB long: where it can be, `location` is told as what it adds to `status_url`.
    """

    status_url: str
    location: str | Insertion


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port: the only place a token may travel to."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of an absolute URL, in lower case and with its port.

        What is taken, yarl, the resolver and TLS take too. Raises ValueError for anything else, in a clause
        that does not repeat the URL: it may hold a password.
        """
        absolute = _ABSOLUTE.match(url)
        if absolute is None:
            raise ValueError("it must begin with https:// or http://")
        scheme, authority = absolute[1].lower(), absolute[2]
        if "@" in authority:
            raise ValueError("it has a user name or a password")
        place = _PLACE.fullmatch(authority)
        if place is None:
            raise ValueError("it has no host, or brackets where none belong")
        return cls(scheme, _host_of(place["host"].lower()), _port_of(place["port"], scheme))

    @property
    def netloc(self) -> str:
        """Host and port as a URL has them, without the scheme's own port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The origin as a URL, without a slash at its end."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine; names other than localhost are never resolved."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def is_link_local(self) -> bool:
        """Whether the host is an address that no router passes on, such as the metadata service's."""
        try:
            return ip_address(self.host).is_link_local
        except ValueError:
            return False

    @property
    def is_azure(self) -> bool:
        """Whether it is Resource Manager in a cloud of Azure's: its token may travel there without a word."""
        return self.host in BY_HOST and (self.scheme, self.port) == ("https", 443)

    @property
    def is_known(self) -> bool:
        """Whether it is a cloud of Azure's or this machine, and no host that a stranger's file may name."""
        return self.is_azure or self.is_loopback

    @property
    def is_confidential(self) -> bool:
        """Whether a token may travel there: over https, or over http without leaving this machine."""
        return self.scheme == "https" or self.is_loopback


@dataclass(frozen=True, slots=True)
class ProxyAddress:
    """Where an HTTP proxy is, and the login that it wants: (user, password), which no repr shows, or None."""

    origin: Origin
    login: tuple[str, str] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, text: str) -> ProxyAddress:
        """The proxy that `http://user:password@host:port` means; scheme, login and port may be left out.

        Raises ValueError for anything else, in a clause that does not repeat the text.
        """
        scheme, rest = found.groups() if (found := _SCHEME.match(text)) else ("http://", text)
        login, at, place = rest.rpartition("@")
        if re.search("[/?#\\s]", login):
            raise ValueError(
                "its login has a character that a URL does not take: %2F stands for /, %3F for ?, %23 for #"
            )
        place = place.removesuffix("/")
        if re.search("[/?#]", place):
            raise ValueError("it has a path, a query or a fragment")
        origin = Origin.of(f"{scheme}{place}")
        return cls(origin, _login_of(login) if at and login else None)


def without_logins(text: str) -> str:
    """`text` without the login in each URL that may have one."""
    return _LOGIN.sub(lambda found: found[1] or "", text)


def _login_of(text: str) -> tuple[str, str]:
    user, _, password = text.partition(":")
    login = unquote(user), unquote(password)
    try:
        "".join(login).encode()
    except UnicodeEncodeError:
        raise ValueError("its login is no text") from None
    if ":" in login[0]:
        raise ValueError("its user name has a colon, which no proxy can be told")
    return login


def _host_of(text: str) -> str:
    """A URL's host: a name, or an address in the shortest spelling; ValueError for anything else."""
    if not text:
        raise ValueError("it has no host")
    if text.startswith("["):
        return _ipv6_of(text[1:-1])
    if _HOST.fullmatch(text) is None or len(text) > MAX_HOST_CHARS:
        raise ValueError(
            "its host is no name: labels of 1 to 63 letters, digits, underscores or inner hyphens, with "
            f"single dots between them, {MAX_HOST_CHARS} characters in all"
        )
    if _NUMBER.fullmatch(text.rpartition(".")[2]) is None:
        return text
    try:
        return str(IPv4Address(text))
    except ValueError:
        raise ValueError("its host ends in a number and is no IPv4 address") from None


def _ipv6_of(text: str) -> str:
    if "%" in text:
        raise ValueError("its IPv6 address has a zone, which no server may be told")
    try:
        return str(IPv6Address(text))
    except ValueError:
        raise ValueError("its brackets hold no IPv6 address") from None


def _port_of(text: str | None, scheme: str) -> int:
    if text is None:
        return DEFAULT_PORTS[scheme]
    if _PORT.fullmatch(text) is None or not 1 <= int(text) <= MAX_PORT:
        raise ValueError(f"its port is no whole number from 1 to {MAX_PORT}")
    return int(text)
