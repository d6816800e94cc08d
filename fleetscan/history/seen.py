"""What a history knows at one run: since when each VM has missed each patch, and what earlier nights came to.

A run that is not in the history is seen as of the newest entry that began no later. What is open in no entry
was first seen by the run itself.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from fleetscan import json_text
from fleetscan.history.file import reading
from fleetscan.history.source import check_source
from fleetscan.records.asked import is_same
from fleetscan.records.checked import check_of
from fleetscan.records.history import Night
from fleetscan.records.run import RunFacts
from fleetscan.records.times import moment_of

CHECKED = check_of(Night, may_grow=True)
OPEN = "SELECT patch, first FROM missing WHERE vm = ? AND first <= ?"
ENDED_LATER = (
    "SELECT vm, patch, first FROM ended JOIN edition ON number = edition WHERE gone > ? AND first <= ?"
)


class Seen:
    """A history as of one run, which is as of its night `at`; it is read while `seen_by` is open."""

    def __init__(self, db: sqlite3.Connection, facts: RunFacts) -> None:
        self.db = db
        self._facts = facts
        self._days: dict[int, date] = {}
        self._nights: list[Night] = []
        self.at = self._read_nights()
        self._keys: dict[int, str] = dict(db.execute("SELECT number, key FROM patch"))
        self._scopes: dict[str, int] = dict(db.execute("SELECT prefix, number FROM scope"))
        self._later: Mapping[int, list[tuple[int, int]]] = self._ended_later()

    @property
    def nights(self) -> list[Night]:
        """The complete runs of the run's own selection up to it, in their order."""
        return self._nights

    @property
    def since(self) -> date | None:
        """The day of the first night."""
        return min(self._days.values(), default=None)

    def vm_number(self, resource_id: str) -> int | None:
        """The number of a VM; None of one that no night assessed."""
        prefix, _, name = resource_id.lower().rpartition("/")
        scope = self._scopes.get(f"{prefix}/")
        if scope is None:
            return None
        found = self.db.execute(
            "SELECT number FROM vm WHERE scope = ? AND name = ?", (scope, name)
        ).fetchone()
        return None if found is None else int(found[0])

    def first_seen(self, resource_id: str) -> dict[str, date]:
        """The day (UTC) on which each open episode of a VM began, by the patch's key."""
        vm = self.vm_number(resource_id)
        if vm is None:
            return {}
        episodes = self.db.execute(OPEN, (vm, self.at)).fetchall() + self._later.get(vm, [])
        return {self._keys[patch]: self._days[first] for patch, first in episodes}

    def _read_nights(self) -> int:
        """Keep the nights up to the run, and return the number of the last one."""
        began, at = moment_of(self._facts["started_at"]), 0
        for number, started_at, is_complete, selection, figures in self.db.execute(
            "SELECT number, started_at, is_complete, selection, figures FROM night ORDER BY number"
        ):
            moment = moment_of(started_at)
            if moment is None or began is None or moment > began:
                break
            self._days[number] = moment.date()
            at = number
            if is_complete and _is_same(selection, self._facts):
                self._nights.append(CHECKED(json_text.parse(figures.encode())))
        return at

    def _ended_later(self) -> dict[int, list[tuple[int, int]]]:
        """By VM: the episodes that were open at the run and ended after it; none for the newest."""
        ended = defaultdict(list)
        for vm, patch, first in self.db.execute(ENDED_LATER, (self.at, self.at)):
            ended[vm].append((patch, first))
        return ended


@contextmanager
def seen_by(path: Path, facts: RunFacts) -> Iterator[Seen]:
    """The history at `path` as of the run with these facts. Raises HistoryError."""
    with reading(path) as db:
        check_source(db, path, facts)
        yield Seen(db, facts)


def _is_same(selection: str, facts: RunFacts) -> bool:
    """Whether a night was asked for the same VMs as the run with these facts."""
    told = json_text.parse(selection.encode())
    return isinstance(told, dict) and is_same(told, facts["selection"])
