"""Playing histories by their seeds: one, or many over all cores, each in a directory that goes with it."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.checks import breaches
from tests.faults.history import history_of


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one seed: what is wrong, and how much happened."""

    seed: int
    breaches: tuple[str, ...]
    kills: int = 0
    requests: int = 0
    superseded: int = 0


def judge(seed: int) -> Verdict:
    """Play one history and check it; what our own code or the history itself raises is a breach too."""
    with TemporaryDirectory() as place:
        try:
            history = history_of(seed, Path(place))
            found = tuple(breaches(history))
        except Exception:  # noqa: BLE001 - whatever it is, it is the seed's
            return Verdict(seed, (traceback.format_exc(limit=-6),))
    superseded = len(history.cloud.ledger.superseded)
    return Verdict(seed, found, history.kills, len(history.sent), superseded)


def judge_all(seeds: Iterable[int], processes: int) -> Iterator[Verdict]:
    """The outcomes of many seeds, in their order."""
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(judge, seeds, chunksize=10)
