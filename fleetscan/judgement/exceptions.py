"""The exceptions file: which missing patches do not count for a while, why, and who answers for that.

    [[exception]]
    scope = ["/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/legacy", "sql-*"]
    patch = "KB5034441"
    reason = "needs a larger recovery partition"
    owner = "windows-team"
    expires = 2027-01-31

`scope` is one text or a list of them, of which one is enough. A text with a slash is about the VM's id: the
id of a subscription, resource group or VM, with all that is in it; or, with `*`, `?` or `[`, a glob over the
whole id, in which `*` stands for slashes too. A text without a slash is the VM's name, or a glob over it.
Without `scope` the exception is for the fleet; all other keys are required. `patch` is a KB in any
spelling, a package's name or a Windows patch's title, a glob over any of these, or "*". Case never counts.
The file is read by the caller: here is its text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from fleetscan.errors import UsageError
from fleetscan.nearest import nearest
from fleetscan.records.patches import kb_of

TABLE = "exception"
KEYS = ("scope", "patch", "reason", "owner", "expires")
WILD = frozenset("*?[")
# An id has some 300 characters at most; what is longer is a slip.
MOST_CHARS = 1000
SHOWN_LENGTH = 80
EXAMPLE_ID = "/subscriptions/ID/resourceGroups/NAME"
ROOT = "/subscriptions/"
EXAMPLE_DATE = "expires = 2027-01-31"
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_GUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_TABLE_LINE = re.compile(rf"^[ \t]*\[\[[ \t]*[\"']?{TABLE}[\"']?[ \t]*\]\]", re.MULTILINE)
_AT_LINE = re.compile("at line ([0-9]+)")


@dataclass(frozen=True, slots=True)
class PatchException:
    """One entry of the file: patches that do not count, on VMs of its `scope` (empty: on all), for a while.

    `number` is its place, from 1; `patch` is as in the file, a KB as Azure's patches are keyed; `expires` is
    the last day on which it holds.
    """

    number: int
    scope: tuple[str, ...]
    patch: str
    reason: str
    owner: str
    expires: date

    def has_expired(self, on: date) -> bool:
        """Whether it no longer holds on a day."""
        return self.expires < on


def exceptions_of(text: str, name: str) -> tuple[PatchException, ...]:
    """The entries in the text of the file `name`, in order; raises UsageError about the first wrong one."""
    tables = _parsed(text, name)
    for key, value in tables.items():
        if key != TABLE:
            raise UsageError(f"{name}: unknown {_what(value)} {_shown(key)}; write [[{TABLE}]]")
    entries = tables.get(TABLE, [])
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise UsageError(f"{name}: {TABLE} must be a table with two brackets; write [[{TABLE}]]")
    return tuple(_entry(entry, number, name) for number, entry in enumerate(entries, 1))


def _parsed(text: str, name: str) -> dict[str, object]:
    # Loaded where there is a file to be read: a scan without one begins without it.
    import tomllib

    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except RecursionError:
        raise UsageError(f"{name} is not valid TOML: it nests too deeply") from None
    except ValueError as error:
        where = _entry_at(text, str(error))
        raise UsageError(
            f"{name} is not valid TOML{where}: {error}; write texts in quotes and dates as {EXAMPLE_DATE}"
        ) from None


def _entry_at(text: str, error: str) -> str:
    """In which entry a fault is, by the line that TOML tells, else the last; nothing where it is in none."""
    found = _AT_LINE.search(error)
    lines = text.split("\n")[: int(found[1]) if found else None]
    number = len(_TABLE_LINE.findall("\n".join(lines)))
    return f", in {TABLE} {number}" if number else ""


def _what(value: object) -> str:
    is_table = isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(each, dict) for each in value)
    )
    return "table" if is_table else "key"


def _shown(value: object) -> str:
    """A value from the file, cut short."""
    if isinstance(value, int) and value.bit_length() > 1000:
        return "a number of hundreds of digits"
    return (value.isoformat() if isinstance(value, date) else repr(value))[:SHOWN_LENGTH]


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry as it is read: says which one is wrong."""

    values: Mapping[str, object]
    number: int
    name: str

    def refusal(self, why: str) -> UsageError:
        return UsageError(f"{self.name}, {TABLE} {self.number}: {why}")

    def text(self, key: str, value: object, example: str) -> str:
        """A required text, on one line; what is blank in it is one space."""
        if value is None:
            raise self.refusal(f"{key} is missing; write {key} = {example}")
        if not isinstance(value, str):
            raise self.refusal(f"{key} must be a text, not {_shown(value)}; write {key} = {example}")
        text = " ".join(value.split())
        if not text:
            raise self.refusal(f"{key} is empty; write {key} = {example}")
        if len(text) > MOST_CHARS or not text.isprintable():
            why = f"{key} must be {MOST_CHARS} characters that can be printed, at most"
            raise self.refusal(f"{why}, not {_shown(text)}")
        return text


def _entry(values: Mapping[str, object], number: int, name: str) -> PatchException:
    entry = _Entry(values, number, name)
    for key in values:
        if key not in KEYS:
            meant = nearest(key, KEYS)
            hint = f"did you mean {meant}?" if meant else f"known keys: {', '.join(KEYS)}"
            raise entry.refusal(f"unknown key {_shown(key)}; {hint}")
    return PatchException(
        number=number,
        scope=_scope(entry),
        patch=_patch(entry),
        reason=entry.text("reason", values.get("reason"), '"why it does not count"'),
        owner=entry.text("owner", values.get("owner"), '"who answers for it"'),
        expires=_expires(entry),
    )


def _scope(entry: _Entry) -> tuple[str, ...]:
    """The texts of the scope, each once; empty where it is left out: the fleet."""
    if "scope" not in entry.values:
        return ()
    value = entry.values["scope"]
    values = value if isinstance(value, list) else [value]
    if not values:
        raise entry.refusal("scope is empty; leave it out for the whole fleet")
    return tuple(dict.fromkeys(_scope_text(entry, each) for each in values))


def _scope_text(entry: _Entry, value: object) -> str:
    example = f'"{EXAMPLE_ID}", or "sql-*" for VMs by name; leave it out for the whole fleet'
    # (It is there: TOML has no null.)
    text = entry.text("scope", value, example)
    shown = _shown(text)
    if _GUID.fullmatch(text):
        raise entry.refusal(
            f"scope {shown} has no slash, so that it is a VM's name; write /subscriptions/{text}"
        )
    if "/" in text and not _can_be_id(text.lower()):
        raise entry.refusal(f"scope {shown} matches no resource id; write scope = {example}")
    return text if WILD & set(text) else text.rstrip("/")


def _can_be_id(text: str) -> bool:
    """Whether a text with a slash can be the id of something Azure has, or a glob over one."""
    head = re.split(r"[*?\[]", text, maxsplit=1)[0]
    is_whole = head == text
    return (
        head.startswith(ROOT) and text != ROOT if is_whole else head.startswith(ROOT) or ROOT.startswith(head)
    )


def _patch(entry: _Entry) -> str:
    value = entry.values.get("patch")
    if isinstance(value, list):
        raise entry.refusal(f"patch must be one text; write one [[{TABLE}]] for each patch")
    # A KB is a number to people: TOML's own numbers are taken too, though not true or false.
    text = entry.text("patch", _shown(value) if type(value) is int and value > 0 else value, '"KB5034441"')
    return kb_of(text) or text


def _expires(entry: _Entry) -> date:
    """The day; a time of day is refused, as it would need a zone."""
    value = entry.values.get("expires")
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if value is None:
        raise entry.refusal(f"expires is missing; write {EXAMPLE_DATE}")
    if isinstance(value, str) and _DAY.fullmatch(value.strip()):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            pass
    raise entry.refusal(f"expires must be a date of the calendar, not {_shown(value)}; write {EXAMPLE_DATE}")
