"""What `fleetscan doctor` found, on a screen: a line for each check, what mends it below, the verdict last.

Reads only the record of fleetscan.doctor/1. Foreign names are sanitized. A command stands on lines that a
shell joins again, so that it can be copied.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TextIO, TypeAlias

from fleetscan.records.doctor import CheckName, Doctor, DoctorCheck, Status
from fleetscan.report.cells import folded
from fleetscan.report.figures import counted
from fleetscan.report.sanitize import fit, sanitize
from fleetscan.report.screen import console_on

if TYPE_CHECKING:
    from rich.text import Text

Line: TypeAlias = tuple[str, str, str]
"""What stands at the left of a line, the words beside it, and the style of the first."""

MARK_CELLS = 9
# Narrower, what a check found stands below its mark and not beside it.
NARROW_CELLS = 48
NARROW_INDENT = 2
LONGEST_CHARS = 2000
MARKS: dict[Status, tuple[str, str]] = {
    "ok": ("ok", "green"),
    "warning": ("warning", "yellow"),
    "failed": ("FAILED", "bold red"),
    "not_checked": ("-", ""),
}
# Checks that share a line where they could not be made.
NAMES: dict[CheckName, str] = {
    "token": "token",
    "clock": "clock",
    "subscriptions": "subscriptions",
    "permissions": "permissions",
    "resource_graph": "Resource Graph",
    "quota": "quota",
}
NOT_MADE = "not checked: "
JOINED = " \\"


def print_doctor(record: Doctor, *, stream: TextIO) -> None:
    """Print what `record`, of schema fleetscan.doctor/1, says. Colours are only used on terminals."""
    console = console_on(stream)
    is_narrow = console.width < NARROW_CELLS
    room = console.width - (NARROW_INDENT if is_narrow else MARK_CELLS)

    def write(words: str, style: str = "", mark: str = "") -> None:
        console.print(_text(fit(words, console.encoding), style, mark), soft_wrap=True)

    for check in _shown(record["checks"]):
        mark, style = MARKS[check["status"]]
        if is_narrow:
            write("", style, mark)
        for place, line in enumerate(_lines(check, room)):
            first = mark if place == 0 and not is_narrow else ""
            write(line, style, first.ljust(NARROW_INDENT if is_narrow else MARK_CELLS))
    sentence, style = _verdict(record)
    write("")
    for line in folded(sentence, console.width):
        console.print(_text("", style, fit(line, console.encoding)), soft_wrap=True)


def _shown(checks: Sequence[DoctorCheck]) -> list[DoctorCheck]:
    """The checks that say something, and one in the place of all that could not be made."""
    said = [check for check in checks if not _is_unmade(check)]
    unmade = [check for check in checks if _is_unmade(check)]
    if not unmade:
        return said
    names = ", ".join(NAMES[check["check"]] for check in unmade)
    return [*said, {**unmade[0], "what": f"{NOT_MADE}{names}"}]


def _is_unmade(check: DoctorCheck) -> bool:
    return check["status"] == "not_checked" and check["what"].startswith(NOT_MADE)


def _lines(check: DoctorCheck, room: int) -> Iterator[str]:
    yield from folded(sanitize(check["what"], LONGEST_CHARS), room)
    for detail in check["details"]:
        yield from folded(sanitize(detail, LONGEST_CHARS), room)
    if check["remedy"] is not None:
        yield from folded(f"To do: {sanitize(check['remedy'], LONGEST_CHARS)}", room)
    if check["command"] is not None:
        yield from _command(sanitize(check["command"], LONGEST_CHARS), room)


def _command(command: str, room: int) -> Iterator[str]:
    """The command on lines that end where a flag begins; a flag that is longer than a line stays whole.

    What follows a && begins a line.
    """
    *before, last = command.split(" && ")
    for each in before:
        yield from _folded_command(f"{each} &&", room)
    yield from _folded_command(last, room)


def _folded_command(command: str, room: int) -> Iterator[str]:
    first, *flags = command.split(" --")
    line = first
    for flag in (f" --{each}" for each in flags):
        if len(line) + len(flag) + len(JOINED) > room:
            yield line + JOINED
            line = f" {flag}"
        else:
            line += flag
    yield line


def _verdict(record: Doctor) -> tuple[str, str]:
    """The last sentence, and its style."""
    numbers = Counter(check["status"] for check in record["checks"])
    warnings = counted(numbers["warning"], "warning", "warnings")
    if numbers["failed"]:
        failed = counted(numbers["failed"], "check", "checks")
        also = f", {warnings}" if numbers["warning"] else ""
        return f"{failed} FAILED{also}: a scan would stop or miss a part of the fleet.", "bold red"
    fleet = counted(len(record["subscriptions"]), "subscription", "subscriptions")
    if record["vms"] is not None:
        fleet = f"{counted(record['vms'], 'VM', 'VMs')} in {fleet}"
    if numbers["warning"]:
        return f"Nothing would stop a scan of {fleet}; {warnings}.", "bold yellow"
    return f"Nothing would stop a scan of {fleet}.", "bold green"


def _text(words: str, style: str, mark: str) -> Text:
    """rich does not read markup in it."""
    from rich.text import Text

    return Text.assemble((mark, style), words)
