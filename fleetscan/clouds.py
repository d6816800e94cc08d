"""Azure's clouds as data: where each is asked, where it signs in, what its tokens are for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class AzureCloud:
    """One cloud of Azure's. `host` is Resource Manager's, `authority` the sign-in service's.

    `scope` is what a token is asked for, `cli_name` what the Azure CLI calls the cloud. `counts_by_hour`
    says how its Resource Manager limits requests.
    """

    name: str
    host: str
    authority: str
    scope: str
    cli_name: str
    counts_by_hour: bool = False

    @property
    def endpoint(self) -> str:
        """Where its Resource Manager is asked."""
        return f"https://{self.host}"


PUBLIC = AzureCloud(
    "public",
    "management.azure.com",
    "login.microsoftonline.com",
    "https://management.azure.com/.default",
    "AzureCloud",
)
US_GOVERNMENT = AzureCloud(
    "us-government",
    "management.usgovcloudapi.net",
    "login.microsoftonline.us",
    "https://management.core.usgovcloudapi.net/.default",
    "AzureUSGovernment",
    counts_by_hour=True,
)
CHINA = AzureCloud(
    "china",
    "management.chinacloudapi.cn",
    "login.chinacloudapi.cn",
    "https://management.chinacloudapi.cn/.default",
    "AzureChinaCloud",
    counts_by_hour=True,
)

CLOUDS = MappingProxyType({cloud.name: cloud for cloud in (PUBLIC, US_GOVERNMENT, CHINA)})
BY_HOST = MappingProxyType({cloud.host: cloud for cloud in CLOUDS.values()})
# The second names some sign-in services go by.
AUTHORITIES = MappingProxyType(
    {
        **{cloud.authority: cloud for cloud in CLOUDS.values()},
        "login.windows.net": PUBLIC,
        "login.partner.microsoftonline.cn": CHINA,
    }
)
