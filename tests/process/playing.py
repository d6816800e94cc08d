"""Playing histories by their seeds, several at once, until so many kills have been tried."""

from __future__ import annotations

import itertools
import os
import shutil
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

from tests.process.checks import Breach, Evidence, Kind, breaches
from tests.process.history import history_of

# Histories wait far more than they work.
AT_ONCE = 4 * (os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one seed; `place` has its files where something is wrong.

    `second_scans` were tried beside one at work, `in_doubt` starts of which nobody heard what became.
    """

    seed: int
    breaches: tuple[Breach, ...] = ()
    kills: int = 0
    processes: int = 0
    second_scans: int = 0
    in_doubt: int = 0
    place: Path | None = field(default=None, compare=False)

    def counts(self) -> Counter[Kind]:
        """The breaches by kind."""
        return Counter(breach.kind for breach in self.breaches)


def judge(seed: int, place: Path) -> Verdict:
    """Play one history in `place` and check it; what the history itself raises is a breach too."""
    try:
        history = history_of(seed, place)
        found = tuple(breaches(history))
        in_doubt = Evidence(history).in_doubt.total()
    except Exception:  # noqa: BLE001 - whatever it is, it is the seed's
        return Verdict(seed, (Breach(Kind.OTHER, traceback.format_exc(limit=-6)),), place=place)
    seconds = sum(life.second is not None for life in history.lives)
    return Verdict(seed, found, len(history.kills), len(history.lives), seconds, in_doubt, place)


def judge_apart(seed: int) -> Verdict:
    """The same in a directory of its own, which is kept where something is wrong."""
    place = Path(mkdtemp(prefix=f"fleetscan-{seed}-"))
    verdict = judge(seed, place)
    if not verdict.breaches:
        shutil.rmtree(place)
    return verdict


def judge_kills(kills: int, first: int) -> Iterator[Verdict]:
    """The outcomes of seeds from `first` on as they come, until `kills` kills have been tried."""
    seeds, tried = itertools.count(first), 0
    playing: set[Future[Verdict]] = set()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while playing or tried < kills:
            # Each that is being played will bring a kill, most of them more.
            while len(playing) < min(AT_ONCE, kills - tried):
                playing.add(pool.submit(judge_apart, next(seeds)))
            over, playing = wait(playing, return_when=FIRST_COMPLETED)
            for verdict in (future.result() for future in over):
                tried += verdict.kills
                yield verdict
