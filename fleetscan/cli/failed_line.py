"""A VM that failed or timed out as one line: which one, where it is, why, and what Azure said.

On a terminal the line is no wider than that. Where it would be, the message is cut first, then the names,
which keep half of the line, and the code last.
"""

from __future__ import annotations

from collections.abc import Sequence

from fleetscan.records.row import Row
from fleetscan.report.cells import cells, cut
from fleetscan.report.sanitize import fit, sanitize

LIMIT_CHARS = 500
NAME_LIMIT_CHARS = 100


def failed_line(row: Row, encoding: str, width: int | None = None) -> str:
    """The line, in characters that `encoding` has, of at most `width` columns; None is no limit but ours."""
    names = [row["name"], row["resource_group"], row["subscription_name"] or row["subscription_id"]]
    names = [fit(sanitize(name, NAME_LIMIT_CHARS), encoding) for name in names]
    code, message = _said(row)
    whole = fit(sanitize(_line(row, names, f"{code}: {message}"), LIMIT_CHARS), encoding)
    if width is None or cells(whole) <= width:
        return whole
    room = max(width // 2, width - cells(_line(row, ["", "", ""], code)))
    if cells("".join(names)) > room:
        names = _squeezed(names, room)
    return cut(fit(sanitize(_line(row, names, f"{code}: {message}"), LIMIT_CHARS), encoding), width)


def _line(row: Row, names: Sequence[str], said: str) -> str:
    name, group, subscription = names
    outcome, reason = (str(row[field]).replace("_", " ") for field in ("outcome", "reason"))
    return f"{outcome}: {name} ({group}, {subscription}): {reason}: {said}"


def _said(row: Row) -> tuple[str, str]:
    error = row["error"]
    code, message = (error["code"], error["message"]) if error else (None, None)
    return sanitize(code or "no code", NAME_LIMIT_CHARS), message or "no message"


def _squeezed(names: Sequence[str], room: int) -> list[str]:
    """The names in so many columns: two thirds of them for the VM's own, if it needs them."""
    name = cut(names[0], 2 * room // 3)
    place = (room - cells(name)) // 2
    return [name, *(cut(each, place) for each in names[1:])]
