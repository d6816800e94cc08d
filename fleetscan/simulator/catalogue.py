"""What can be missing on a machine: updates by KB on Windows, packages by name and version on Linux.

Titles, KB numbers and classification words follow recorded traffic. Each patch is rendered once,
up to the fields that belong to one assessment, because a fleet's lists hold millions of them.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from functools import cache

import orjson

from fleetscan.model import Json

PRESSING = frozenset({"Critical", "Security"})

PRODUCTS = {
    "windows-2022": "Microsoft server operating system, version 21H2",
    "windows-2019": "Windows Server 2019",
    "windows-2016": "Windows Server 2016",
}

MONTHS = tuple(f"{year}-{month:02d}" for year in (2025, 2026) for month in range(1, 13))[:22]

# A package's version before and after its distribution's own suffix.
SUFFIXES = {
    "ubuntu": ("-0ubuntu1.", ""),
    "debian": ("-1+deb12u", ""),
    "redhat": ("-", ".el9_4"),
    "suse": ("-150500.6.", ".1"),
}

SOURCES = {
    "openssl": "3.0.13", "curl": "8.5.0", "bash": "5.2.21", "sudo": "1.9.15p5", "systemd": "255.4",
    "openssh-server": "9.6p1", "linux-azure": "6.8.0", "python3.12": "3.12.3", "perl": "5.38.2",
    "glibc": "2.39", "krb5": "1.20.1", "libxml2": "2.9.14", "sqlite3": "3.45.1", "expat": "2.6.1",
    "zlib": "1.3", "gnutls": "3.8.3", "nginx": "1.24.0", "postgresql-16": "16.4", "redis": "7.0.15",
    "vim": "9.1.0016", "less": "590", "tar": "1.35", "cpio": "2.15", "gzip": "1.12", "xz": "5.4.5",
    "rsync": "3.2.7", "wget": "1.21.4", "git": "2.43.0", "bind9": "9.18.28", "unbound": "1.19.2",
    "cloud-init": "24.2", "walinuxagent": "2.2.46", "snapd": "2.63", "apparmor": "4.0.1", "audit": "3.1.2",
    "cups": "2.4.7", "dbus": "1.14.10", "e2fsprogs": "1.47.0", "freetype": "2.13.2", "ghostscript": "10.02.1",
    "gnupg2": "2.4.4", "grub2": "2.12", "libarchive": "3.7.2", "libtiff": "4.5.1", "libwebp": "1.3.2",
    "lvm2": "2.03.16", "mariadb": "10.11.8", "nss": "3.98", "ntfs-3g": "2022.10.3", "openldap": "2.6.7",
    "pam": "1.5.3", "php8.3": "8.3.6", "polkit": "124", "procps": "4.0.4", "ruby3.2": "3.2.3",
    "rsyslog": "8.2312.0", "samba": "4.19.5", "shadow": "4.13", "tzdata": "2024a", "util-linux": "2.39.3",
}  # fmt: skip

PARTS = ("", "-common", "-libs", "-dev", "-doc", "-tools", "-data")


@dataclass(frozen=True, slots=True)
class Patch:
    """One entry of a catalogue. `head` is its JSON up to the fields of the assessment that finds it."""

    head: str
    classification: str
    is_pressing: bool


@cache
def catalogue(distro: str) -> tuple[Patch, ...]:
    """All patches that machines of one kind can miss, shuffled once and for all."""
    draw = random.Random(f"catalogue:{distro}")
    patches = _windows(distro, draw) if distro in PRODUCTS else _linux(distro, draw)
    draw.shuffle(patches)
    return tuple(patches)


@cache
def harmless(distro: str) -> tuple[Patch, ...]:
    """Those of the catalogue that are neither critical nor about security."""
    return tuple(patch for patch in catalogue(distro) if not patch.is_pressing)


def _windows(distro: str, draw: random.Random) -> list[Patch]:
    product = PRODUCTS[distro]
    found = [
        _update(
            draw, "Windows Malicious Software Removal Tool x64 - v5.130", 890830, "UpdateRollUp", MONTHS[-1]
        ),
        _update(
            draw,
            "Security Intelligence Update for Microsoft Defender Antivirus",
            2267602,
            "Definition",
            MONTHS[-1],
        ),
        _update(
            draw,
            "Update for Microsoft Defender Antivirus antimalware platform",
            4052623,
            "Definition",
            MONTHS[-1],
        ),
    ]
    kb = 5_034_000 + draw.randrange(400)
    for month in MONTHS:
        for title, classification in (
            (f"{month} Cumulative Update for {product} for x64-based Systems", "Security"),
            (f"{month} Cumulative Update for .NET Framework 3.5 and 4.8 for {product}", "Security"),
            (f"{month} Servicing Stack Update for {product} for x64-based Systems", "Critical"),
            (f"{month} Update for {product} for x64-based Systems", "Updates"),
            (f"{month} Cumulative Update Preview for {product}", "UpdateRollUp"),
            (f"{month} .NET 8.0 Update for x64 Server", "Updates"),
        ):
            kb += draw.randrange(3, 400)
            found.append(_update(draw, title, kb, classification, month))
    return found


def _update(draw: random.Random, title: str, kb: int, classification: str, month: str) -> Patch:
    return _patch(
        {
            "patchId": _guid(draw),
            "name": f"{title} (KB{kb})",
            "kbId": str(kb),
            "classifications": [classification],
            "rebootBehavior": "NeverReboots" if classification == "Definition" else "CanRequestReboot",
            "publishedDate": f"{month}-{draw.randrange(8, 15):02d}T00:00:00+00:00",
        },
        classification,
    )


def _linux(distro: str, draw: random.Random) -> list[Patch]:
    before, after = SUFFIXES[distro]
    found = []
    for part in PARTS:
        for source, version in SOURCES.items():
            classification = draw.choices(("Security", "Other"), (40, 60))[0]
            fields: dict[str, Json] = {
                "patchId": _guid(draw),
                "name": source + part,
                "version": f"{version}{before}{draw.randrange(1, 30)}{after}",
                "classifications": [classification],
                "rebootBehavior": "AlwaysRequiresReboot" if source == "linux-azure" else "CanRequestReboot",
                "publishedDate": None,
            }
            found.append(_patch(fields, classification))
    return found


def _patch(fields: dict[str, Json], classification: str) -> Patch:
    return Patch(orjson.dumps(fields).decode()[:-1], classification, classification in PRESSING)


def _guid(draw: random.Random) -> str:
    return str(uuid.UUID(int=draw.getrandbits(128), version=4))
