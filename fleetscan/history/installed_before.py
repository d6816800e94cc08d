"""Which patches a VM had installed before a run: those of its episodes that had ended so when it began.

What is asked for goes into a table in memory, and one pass over the episodes that ended answers it: there may
be millions, in the order of the nights that ended them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from fleetscan.history.seen import Seen, seen_by
from fleetscan.history.source import check_source
from fleetscan.records.run import RunFacts

ASKED = """
CREATE TEMP TABLE asked (
    vm INTEGER NOT NULL, patch INTEGER NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (vm, patch)
) WITHOUT ROWID
"""
# (A cross join keeps its order: from each episode to what was asked of its VM and patch.)
ANSWERED = """
SELECT DISTINCT place, asked.patch
FROM ended CROSS JOIN edition ON edition.number = ended.edition
CROSS JOIN asked ON asked.vm = ended.vm AND asked.patch = edition.patch
WHERE gone <= ? AND NOT is_vm_gone
ORDER BY place
"""


class InstalledBefore:
    """Ask of VMs and patches, then read the answers. It is used while its history is open."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._numbers: dict[str, list[int]] = defaultdict(list)
        self._keys: dict[int, str] = dict(seen.db.execute("SELECT number, key FROM patch"))
        for number, key in self._keys.items():
            self._numbers[key].append(number)
        seen.db.execute(ASKED)

    def ask(self, place: int, resource_id: str, keys: Iterable[str]) -> None:
        """Whether the VM had installed patches, told by their keys; `place` stands for it in the answer."""
        vm = self._seen.vm_number(resource_id)
        if vm is not None:
            pairs = [(vm, number, place) for key in keys for number in self._numbers.get(key, ())]
            self._seen.db.executemany("INSERT OR IGNORE INTO asked VALUES (?, ?, ?)", pairs)

    def answers(self) -> Iterator[tuple[int, set[str]]]:
        """The place of each VM that had installed some, and their keys."""
        answers = self._seen.db.execute(ANSWERED, (self._seen.at,))
        for place, pairs in groupby(answers, key=itemgetter(0)):
            yield place, {self._keys[number] for _, number in pairs}


@contextmanager
def seen_between(path: Path, old: RunFacts, new: RunFacts) -> Iterator[Seen]:
    """The history at `path` as of the run `new`. Raises HistoryError, also where it is not `old`'s."""
    with seen_by(path, new) as seen:
        check_source(seen.db, path, old)
        yield seen
