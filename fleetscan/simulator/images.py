"""The operating system images that simulated machines run, with the names a guest reports for itself.

Publishers, offers, SKUs and versions are those of the marketplace.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Image:
    """A marketplace image. `distro` picks the catalogue of patches."""

    distro: str
    publisher: str
    offer: str
    sku: str
    exact_version: str
    os_name: str
    os_version: str

    @property
    def is_windows(self) -> bool:
        """Windows or Linux: there is no third."""
        return self.distro.startswith("windows")

    @property
    def os_type(self) -> str:
        """As Azure spells it."""
        return "Windows" if self.is_windows else "Linux"


def _windows(year: int, sku: str, build: str, edition: str) -> Image:
    return Image(
        f"windows-{year}",
        "MicrosoftWindowsServer",
        "WindowsServer",
        sku,
        f"{build}.240905",
        f"Windows Server {year} {edition}",
        f"10.0.{build}",
    )


WINDOWS = (
    _windows(2022, "2022-datacenter-azure-edition", "20348.2700", "Datacenter Azure Edition"),
    _windows(2022, "2022-datacenter-g2", "20348.2655", "Datacenter"),
    _windows(2019, "2019-datacenter-gensecond", "17763.6293", "Datacenter"),
    _windows(2016, "2016-datacenter", "14393.7336", "Datacenter"),
)

DATABASE_WINDOWS = (
    Image(
        "windows-2022", "MicrosoftSQLServer", "sql2022-ws2022", "standard-gen2", "16.0.240916",
        "Windows Server 2022 Datacenter", "10.0.20348.2700",
    ),
    Image(
        "windows-2019", "MicrosoftSQLServer", "sql2019-ws2019", "enterprise", "15.0.240916",
        "Windows Server 2019 Datacenter", "10.0.17763.6293",
    ),
)  # fmt: skip

# Those whose vendors no longer support them.
OLD = (
    Image(
        "windows-2016", "MicrosoftWindowsServer", "WindowsServer", "2012-R2-Datacenter",
        "9600.22175.240909", "Windows Server 2012 R2 Datacenter", "6.3.9600",
    ),
    Image(
        "windows-2016", "MicrosoftSQLServer", "SQL2014SP3-WS2012R2", "Standard", "12.3.240908",
        "Windows Server 2012 R2 Standard", "6.3.9600",
    ),
    Image("ubuntu", "Canonical", "UbuntuServer", "18_04-lts-gen2", "18.04.202401161", "ubuntu", "18.04"),
    Image("redhat", "RedHat", "RHEL", "7lvm-gen2", "7.9.2023032012", "redhat", "7.9"),
    Image("suse", "SUSE", "sles-12-sp5", "gen2", "2024.08.08", "sles", "12.5"),
    Image("debian", "Debian", "debian-10", "10-gen2", "0.20240703.1797", "debian", "10.13"),
)  # fmt: skip

LINUX = (
    Image("ubuntu", "Canonical", "ubuntu-24_04-lts", "server", "24.04.202409120", "ubuntu", "24.04"),
    Image(
        "ubuntu", "Canonical", "0001-com-ubuntu-server-jammy", "22_04-lts-gen2", "22.04.202409090",
        "ubuntu", "22.04",
    ),
    Image(
        "ubuntu", "Canonical", "0001-com-ubuntu-server-focal", "20_04-lts-gen2", "20.04.202408290",
        "ubuntu", "20.04",
    ),
    Image("redhat", "RedHat", "RHEL", "9-lvm-gen2", "9.4.2024081415", "redhat", "9.4"),
    Image("redhat", "RedHat", "RHEL", "8-lvm-gen2", "8.10.2024081409", "redhat", "8.10"),
    Image("suse", "SUSE", "sles-15-sp5", "gen2", "2024.08.29", "sles", "15.5"),
    Image("debian", "Debian", "debian-12", "12-gen2", "0.20240901.1857", "debian", "12.7"),
)  # fmt: skip
