"""Ends of support by the words that guests and images really tell; what is not sure has no day."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

from fleetscan.inventory import os_support
from fleetscan.inventory.os_support import support_ends_on

TABLE = Path(os_support.__file__).with_suffix(".toml")


@pytest.mark.parametrize(
    ("name", "version", "ends_on"),
    [
        ("Windows Server 2012 R2 Standard", "6.3.9600", date(2023, 10, 10)),
        ("Microsoft Windows Server 2008 R2 Datacenter", None, date(2020, 1, 14)),
        ("Windows Server 2022 Datacenter Azure Edition", "10.0.20348.2700", date(2031, 10, 14)),
        ("ubuntu", "18.04", date(2023, 5, 31)),
        ("Ubuntu", "20.04.6", date(2025, 5, 31)),
        ("redhat", "7.9", date(2024, 6, 30)),
        ("sles", "12.5", date(2024, 10, 31)),
        ("suse", "12-SP5", date(2024, 10, 31)),
        ("debian", "10.13", date(2024, 6, 30)),
        ("centos", "7.9.2009", date(2024, 6, 30)),
        ("centos", "8", None),
        ("ubuntu", "23.10", None),
        ("ubuntu", "", None),
        ("ubuntu", "20.04 | project id", None),
        ("ubuntu", "٢٠.٠٤", None),
        ("Windows Server 2012X", "6.3", None),
        ("Windows 10 Enterprise", "10.0", None),
        ("flatcar", "1", None),
    ],
)
def test_a_guests_words(name: str, version: str | None, ends_on: date | None) -> None:
    assert support_ends_on(name, version, None) == ends_on


@pytest.mark.parametrize(
    ("image", "ends_on"),
    [
        ("MicrosoftWindowsServer:WindowsServer:2012-R2-Datacenter:latest", date(2023, 10, 10)),
        ("MicrosoftWindowsServer:WindowsServer:2012-Datacenter", date(2023, 10, 10)),
        ("MicrosoftWindowsServer:WindowsServer:2008-R2-SP1:latest", date(2020, 1, 14)),
        ("MicrosoftSQLServer:SQL2016SP2-WS2012R2:Standard:latest", date(2023, 10, 10)),
        ("Canonical:UbuntuServer:18.04-LTS:latest", date(2023, 5, 31)),
        ("Canonical:UbuntuServer:16.04.0-LTS:latest", date(2021, 4, 30)),
        ("Canonical:0001-com-ubuntu-server-focal:20_04-lts-gen2:latest", date(2025, 5, 31)),
        ("Canonical:ubuntu-24_04-lts:server:latest", date(2029, 4, 30)),
        ("RedHat:RHEL:7_9:latest", date(2024, 6, 30)),
        ("RedHat:RHEL:7lvm-gen2:latest", date(2024, 6, 30)),
        ("SUSE:sles-12-sp5:gen2:latest", date(2024, 10, 31)),
        ("Debian:debian-10:10-gen2:latest", date(2024, 6, 30)),
        ("OpenLogic:CentOS:8_5-gen2:latest", date(2021, 12, 31)),
        ("RedHat:RHEL:79-gen2:latest", None),
        ("RedHat:RHEL-SAP-HA:7_9:latest", None),
        ("SUSE:sles-sap-12-sp5:gen2:latest", None),
        ("Canonical:0001-com-ubuntu-pro-bionic:pro-18_04-lts:latest", None),
        ("Canonical:ubuntu-24_04-lts:ubuntu-pro:latest", None),
        ("/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/ubuntu-18.04", None),
        ("someone:WindowsServer:2012-Datacenter", None),
        ("::", None),
        ("", None),
    ],
)
def test_an_images_words(image: str, ends_on: date | None) -> None:
    assert support_ends_on(None, None, image) == ends_on


def test_the_guest_counts_before_the_image_and_paid_support_before_both() -> None:
    old = "Canonical:UbuntuServer:18.04-LTS:latest"
    assert support_ends_on("ubuntu", "22.04", old) == date(2027, 4, 30)
    assert support_ends_on("flatcar", "1", old) is None
    assert support_ends_on("ubuntu", "18.04", "Canonical:0001-com-ubuntu-pro-bionic:pro-18_04-lts") is None


def test_a_hostile_image_is_not_searched() -> None:
    assert support_ends_on("ubuntu", "18.04", "ubuntu" * 100_000) is None


def test_each_family_of_the_table_has_a_source_and_days() -> None:
    for family in tomllib.loads(TABLE.read_text(encoding="utf-8")).values():
        assert family["source"].startswith("https://")
        assert all(type(day) is date for day in family["ends"].values())
