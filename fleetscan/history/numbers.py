"""The numbers of VMs and patches in a history, given to each once: they keep a million episodes small."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from fleetscan.records.patches import Patch, PatchReader
from fleetscan.records.row import Row

FIND_EDITION = (
    "SELECT number FROM edition WHERE patch = ? AND name IS ? AND version IS ? AND classifications = ? "
    "AND published_on IS ? AND is_critical_or_security = ?"
)
ADD_EDITION = (
    "INSERT INTO edition (patch, name, version, classifications, published_on, is_critical_or_security) "
    "VALUES (?, ?, ?, ?, ?, ?)"
)


class KnownVm(NamedTuple):
    """A VM's number, and that of the night that last assessed it."""

    number: int
    assessed: int | None


class Numbers:
    """Gives numbers within one transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._reader = PatchReader()
        self._scopes: dict[str, int] = {}
        self._editions: dict[Patch, tuple[int, int]] = {}
        self._published_on: dict[int, str] = {}

    def vm(self, row: Row) -> KnownVm | None:
        """The VM of a row; a number is given to assessed VMs alone, and None is any other."""
        prefix, _, name = row["resource_id"].lower().rpartition("/")
        scope = self._scope(f"{prefix}/", row["subscription_id"].lower())
        known = self._db.execute(
            "SELECT number, assessed FROM vm WHERE scope = ? AND name = ?", (scope, name)
        ).fetchone()
        if known is not None:
            return KnownVm(*known)
        if row["outcome"] != "assessed":
            return None
        return KnownVm(self._add("INSERT INTO vm (scope, name) VALUES (?, ?)", (scope, name)), None)

    def editions(self, row: Row) -> dict[int, int]:
        """What a VM lists, by patch: of one that it lists twice, the edition that was published first."""
        found: dict[int, int] = {}
        for patch in self._reader.of(row):
            number, edition = self._editions.get(patch) or self._edition(patch)
            if found.setdefault(number, edition) != edition:
                found[number] = min(edition, found[number], key=self._published_on.__getitem__)
        return found

    def _scope(self, prefix: str, subscription_id: str) -> int:
        if (known := self._scopes.get(prefix)) is not None:
            return known
        found = self._one("SELECT number FROM scope WHERE prefix = ?", (prefix,))
        if found is None:
            found = self._add(
                "INSERT INTO scope (subscription_id, prefix) VALUES (?, ?)", (subscription_id, prefix)
            )
        self._scopes[prefix] = found
        return found

    def _edition(self, patch: Patch) -> tuple[int, int]:
        """The numbers of a patch and of this edition of it."""
        key = patch.key, patch.kb is not None
        number = self._one("SELECT number FROM patch WHERE key = ? AND is_kb = ?", key)
        if number is None:
            number = self._add("INSERT INTO patch (key, is_kb) VALUES (?, ?)", key)
        told = (
            number,
            patch.name,
            patch.version,
            "\n".join(patch.classifications),
            patch.published_on,
            patch.is_critical_or_security,
        )
        edition = self._one(FIND_EDITION, told)
        if edition is None:
            edition = self._add(ADD_EDITION, told)
        # Where Azure tells no day, "~" comes after all that it tells.
        self._published_on[edition] = patch.published_on or "~"
        return self._editions.setdefault(patch, (number, edition))

    def _one(self, query: str, values: tuple[object, ...]) -> int | None:
        found = self._db.execute(query, values).fetchone()
        return None if found is None else int(found[0])

    def _add(self, statement: str, values: tuple[object, ...]) -> int:
        number = self._db.execute(statement, values).lastrowid
        assert number is not None
        return number
