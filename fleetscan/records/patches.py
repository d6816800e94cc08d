"""The patches of a row, read from Azure's own list: one object for all entries that say the same.

Windows patches are told apart by their KB, because one KB has many names (a definition update changes its
name every day); Linux packages by name, with the version beside it. An entry that says nothing stays an
entry: a list is never shorter here than Azure's. Facts: recorded results, and Microsoft's documents on
Resource Graph's `patchassessmentresources`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from fleetscan.azure_times import azure_time
from fleetscan.model import Json
from fleetscan.records.machine_row import PATCHES
from fleetscan.records.row import Row

# By the source's word. A later version may have others, whose lists are not known.
LISTS: Mapping[str, str] = {source.value: name for source, name in PATCHES.items()}
PRESSING = frozenset({"critical", "security"})
UNNAMED = "(unnamed)"
# In an operation's result and in a row of Resource Graph.
NAMES = "name", "patchName"
PUBLISHED = "publishedDate", "publishedDateTime"


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A missing patch, as Azure describes it; None for what it does not say.

    `key` tells it apart in a fleet: "KB5034441", or a package's name. `kb` is None on Linux and `version`
    on Windows. `classifications` are Azure's words; `published_on` is the
    day in UTC, "2026-11-10", and None on Linux.
    """

    key: str
    name: str | None
    kb: str | None
    version: str | None
    classifications: tuple[str, ...]
    reboot_behavior: str | None
    published_on: str | None

    @property
    def is_critical_or_security(self) -> bool:
        """Whether Azure counts it among the critical and security patches."""
        return any(word.lower() in PRESSING for word in self.classifications)


class PatchReader:
    """Reads rows' patches. A fleet's lists hold millions of entries and some thousands of patches: equal
    entries are one object, so that it can be a dictionary's key.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Patch] = {}

    def of(self, row: Row) -> list[Patch]:
        """The patches in the list that came with `row`'s assessment, in Azure's order; empty without one."""
        assessment, source = row["assessment"], row["source"]
        if assessment is None or source is None:
            return []
        entries = assessment.get(LISTS.get(source, ""))
        if not isinstance(entries, list):
            return []
        is_linux = row["os_type"] == "Linux"
        return [self._patch(entry if isinstance(entry, dict) else {}, is_linux) for entry in entries]

    def _patch(self, entry: Mapping[str, Json], is_linux: bool) -> Patch:
        words = entry.get("classifications")
        name = entry.get("name") or entry.get("patchName")
        told = (
            is_linux,
            # One without a name may be told apart by its id, which otherwise says nothing more.
            name or (None, entry.get("patchId")),
            entry.get("kbId"),
            entry.get("version"),
            tuple(words) if isinstance(words, list) else words,
            entry.get("rebootBehavior"),
            entry.get("publishedDate") or entry.get("publishedDateTime"),
        )
        try:
            return self._known[told]
        except KeyError:
            return self._known.setdefault(told, _patch(entry, is_linux))
        except TypeError:
            # What is no text where Azure has text cannot be looked up; what is made of it can.
            made = _patch(entry, is_linux)
            return self._known.setdefault(_as_told(made), made)


def kb_of(text: str) -> str | None:
    """A KB's number as people write it, from "5034441" or "kb5034441"; None where `text` is none."""
    digits = text.strip().upper().removeprefix("KB").strip()
    return f"KB{digits}" if digits.isascii() and digits.isdecimal() and digits.strip("0") else None


def _patch(entry: Mapping[str, Json], is_linux: bool) -> Patch:
    name = _first_text(entry, NAMES)
    kb = None if is_linux else kb_of(_text(entry.get("kbId")) or "")
    words = entry.get("classifications")
    published = azure_time(_first_text(entry, PUBLISHED))
    return Patch(
        key=kb or name or _text(entry.get("patchId")) or UNNAMED,
        name=name,
        kb=kb,
        version=_text(entry.get("version")),
        classifications=tuple(filter(None, map(_text, words))) if isinstance(words, list) else (),
        reboot_behavior=_text(entry.get("rebootBehavior")),
        published_on=None if published is None else published.date().isoformat(),
    )


def _as_told(patch: Patch) -> tuple[object, ...]:
    """All that is known of a patch."""
    return tuple(getattr(patch, each.name) for each in fields(patch))


def _first_text(entry: Mapping[str, Json], names: tuple[str, ...]) -> str | None:
    return next((text for name in names if (text := _text(entry.get(name)))), None)


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None
