"""What names a place at Azure: a VM's resource id, and the origin that a token may travel to. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

# Stands where a reply repeated a token of ours. A URL or an id that has it was another: it is not followed.
HIDDEN = "<token>"

# Resource Manager in the clouds of Azure: a token for one of them may travel there without a further word.
AZURE_HOSTS = frozenset(
    {"management.azure.com", "management.usgovcloudapi.net", "management.chinacloudapi.cn"}
)

DEFAULT_PORTS = {"https": 443, "http": 80}
# No lone surrogates: no URL can hold one. Nor what stands for them where text was read: the name was another.
_NAME = r"[^/?#%\\\s\x00-\x1f\x7f\ud800-\udfff\ufffd]{1,128}"
VM_ID = re.compile(
    rf"/subscriptions/(?P<subscription>[0-9A-Za-z-]{{1,64}})/resourceGroups/(?P<group>{_NAME})"
    rf"/providers/Microsoft\.Compute/virtualMachines/(?P<name>{_NAME})",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class VmId:
    """The parts of a virtual machine's resource id, in the case they came in."""

    subscription_id: str
    resource_group: str
    name: str


def parse_vm_id(text: str) -> VmId:
    """The parts of a virtual machine's resource id; ValueError for anything else."""
    found = VM_ID.fullmatch(text)
    if found is None or HIDDEN in text or not {".", ".."}.isdisjoint((found["group"], found["name"])):
        raise ValueError(
            "not a virtual machine's resource id (/subscriptions/ID/resourceGroups/GROUP"
            "/providers/Microsoft.Compute/virtualMachines/NAME)"
        )
    return VmId(found["subscription"], found["group"], found["name"])


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port: the only place a token may travel to."""

    scheme: str
    host: str
    port: int | None

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of an absolute URL; raises ValueError where there is none."""
        parts = urlsplit(url)
        if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.username is not None:
            raise ValueError(f"not an absolute http or https URL: {url[:200]!r}")
        return cls(parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS[parts.scheme])

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine; names other than localhost are never resolved."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def is_known(self) -> bool:
        """Whether it is a cloud of Azure's or this machine, and no host that a stranger's file may name."""
        is_azure = self.host in AZURE_HOSTS and (self.scheme, self.port) == ("https", 443)
        return is_azure or self.is_loopback

    @property
    def is_confidential(self) -> bool:
        """Whether a token may travel there: over https, or over http without leaving this machine."""
        return self.scheme == "https" or self.is_loopback
