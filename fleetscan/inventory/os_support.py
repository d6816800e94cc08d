"""When the vendor's support for a VM's operating system ends, by the table in os_support.toml. Pure.

Only what is surely the system in the table has a day: unknown is never taken for supported, nor for ended.
The guest's own words count before the image, because systems are upgraded in place.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files

# Distinct systems and images of a fleet.
KEPT = 4096
# Longer than an id of Azure can be; what is no image is not searched.
LONGEST_CHARS = 2048
# What a guest calls its system, and what its version must look like.
GUESTS: Mapping[str, tuple[str, str]] = {
    "ubuntu": ("ubuntu", r"(\d\d\.\d\d)(?:\.\d+)?"),
    "redhat": ("rhel", r"(\d+)(?:\.\d+)?"),
    "rhel": ("rhel", r"(\d+)(?:\.\d+)?"),
    "red hat enterprise linux": ("rhel", r"(\d+)(?:\.\d+)?"),
    "sles": ("sles", r"(\d+[.]\d|\d+-sp\d)"),
    "suse": ("sles", r"(\d+[.]\d|\d+-sp\d)"),
    "debian": ("debian", r"(\d+)(?:\.\d+)?"),
    # CentOS Stream tells no more than its major version.
    "centos": ("centos", r"(\d+)\.[\d.]+"),
}
WINDOWS = r"(?:microsoft )?windows server (\d{4})( r2)?\b.*"
# Images by publisher, with the offer and the sku that they must have; the groups are the version.
IMAGES: tuple[tuple[str, str, str, str], ...] = (
    ("windows server", "microsoftwindowsserver", "windowsserver", r"(\d{4})(-r2)?-.*"),
    ("windows server", "microsoftsqlserver", r".*-ws(\d{4})(r2)?", ".*"),
    (
        "ubuntu",
        "canonical",
        "ubuntuserver|0001-com-ubuntu-server-[a-z]+",
        r"(\d\d[._]\d\d)\b.*|(\d\d_\d\d)-.*",
    ),
    ("ubuntu", "canonical", r"ubuntu-(\d\d_\d\d)-lts", r"(?!.*pro).*"),
    ("rhel", "redhat", "rhel|rhel-raw|rhel-byos", r"(?:rhel-)?(?:lvm)?(\d)(?:[._-]|lvm).*"),
    ("sles", "suse", r"sles-(\d+-sp\d)(?:-basic|-byos|-arm64)*", ".*"),
    ("debian", "debian", r"debian-(\d+)", ".*"),
    ("centos", "openlogic", "centos|centos-lvm", r"(\d)(?:[._-]|lvm).*"),
)
# Images whose updates are paid for beyond the table's days, or are others.
EXTENDED = re.compile(r"ubuntu.*\bpro\b|\bpro-|sles-sap|rhel-sap|rhel.*-e[ul4]s|-esu", re.IGNORECASE)


@lru_cache(KEPT)
def support_ends_on(os_name: str | None, os_version: str | None, image: str | None) -> date | None:
    """The last day of support for what the guest tells of itself, else for its image; None if not sure."""
    if image and (len(image) > LONGEST_CHARS or EXTENDED.search(image)):
        return None
    system = _of_guest(os_name, os_version) if os_name else _of_image(image or "")
    return None if system is None else _table().get(system)


def _of_guest(name: str, version: str | None) -> tuple[str, str] | None:
    words = " ".join(name.lower().split())
    if (windows := re.fullmatch(WINDOWS, words)) is not None:
        return "windows server", windows[1] + (windows[2] or "")
    family, form = GUESTS.get(words, ("", ""))
    found = re.fullmatch(form, (version or "").strip().lower()) if family else None
    return None if found is None else (family, _dotted(found[1]))


def _of_image(image: str) -> tuple[str, str] | None:
    """The system of a marketplace image, publisher:offer:sku:version."""
    publisher, offer, sku, *_ = (*image.lower().split(":"), "", "", "")
    for family, of_publisher, of_offer, of_sku in IMAGES:
        offered, kept = re.fullmatch(of_offer, offer), re.fullmatch(of_sku, sku)
        if publisher == of_publisher and offered is not None and kept is not None:
            version, *more = [part for part in (*offered.groups(), *kept.groups()) if part]
            return family, _dotted(version + (" r2" if more else ""))
    return None


def _dotted(version: str) -> str:
    return version.replace("_", ".").replace("-sp", ".")


@cache
def _table() -> Mapping[tuple[str, str], date]:
    text = files("fleetscan.inventory").joinpath("os_support.toml").read_text(encoding="utf-8")
    return {
        (family, version): day
        for family, entry in tomllib.loads(text).items()
        for version, day in entry["ends"].items()
    }
