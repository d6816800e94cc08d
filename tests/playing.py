"""Plays seeded histories, many at once, and says of each that breaks something what and how to play it alone.

What a history is, its subject says: `tests.faults` in virtual time, `tests.process` with real processes.
"""

# ruff: noqa: T201 - a command of the developer's, which prints
from __future__ import annotations

import argparse
import itertools
import shutil
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir, mkdtemp


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one seed: what is wrong, how much happened, where its files are kept."""

    seed: int
    breaches: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    kept: Path | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of history. `play` plays a seed with its files in a directory, and checks it.

    A series ends once so many `unit`s were counted; a verdict that does not count them counts as one. `play`
    is a module's function, because it is called in processes of their own, `at_once` of them. `room` is where
    the files lie meanwhile, None for where temporary files do.
    """

    package: str
    play: Callable[[int, Path], Verdict]
    unit: str
    wanted: int
    at_once: int
    room: Path | None = None

    def tried(self, verdict: Verdict) -> int:
        """How many units a history was."""
        return verdict.counts.get(self.unit, 1)


def judge(subject: Subject, seed: int, place: Path) -> Verdict:
    """Play one history in `place`; what our own code or the history itself raises is a breach too."""
    try:
        return subject.play(seed, place)
    except Exception:  # noqa: BLE001 - whatever it is, it is the seed's
        return Verdict(seed, (traceback.format_exc(limit=-6),))


def judge_apart(subject: Subject, seed: int) -> Verdict:
    """The same in a directory of its own, which is kept among temporary files where something is wrong."""
    place = Path(mkdtemp(prefix=f"fleetscan-{seed}-", dir=subject.room))
    verdict = judge(subject, seed, place)
    if verdict.breaches:
        kept = place if subject.room is None else Path(shutil.move(place, gettempdir()))
        return Verdict(seed, verdict.breaches, verdict.counts, kept)
    shutil.rmtree(place)
    return verdict


def judge_all(subject: Subject, wanted: int, first: int = 0) -> Iterator[Verdict]:
    """The verdicts on the seeds from `first` on, as they come, until `wanted` units were tried."""
    seeds, tried = itertools.count(first), 0
    playing: set[Future[Verdict]] = set()
    with ProcessPoolExecutor(subject.at_once) as pool:
        while playing or tried < wanted:
            # Each that is being played will bring a unit, some of them more.
            while len(playing) < min(2 * subject.at_once, wanted - tried):
                playing.add(pool.submit(judge_apart, subject, next(seeds)))
            over, playing = wait(playing, return_when=FIRST_COMPLETED)
            for verdict in (future.result() for future in over):
                tried += subject.tried(verdict)
                yield verdict


def main(subject: Subject, args: list[str] | None = None) -> int:
    """The command `python -m <package>`; exit code 1 where any history breaks anything."""
    parser = argparse.ArgumentParser(prog=f"python -m {subject.package}", description=__doc__)
    parser.add_argument(f"--{subject.unit}", type=int, default=subject.wanted, dest="wanted")
    parser.add_argument("--first", type=int, default=0, help="the first history's seed (%(default)s)")
    parser.add_argument("--seed", type=int, help="play this one alone, in this process")
    asked = parser.parse_args(args)
    began_at = time.monotonic()
    if asked.seed is None:
        verdicts = told(subject, judge_all(subject, asked.wanted, asked.first))
    else:
        verdicts = told(subject, [judge_apart(subject, asked.seed)])
    print(summary(verdicts, time.monotonic() - began_at))
    return 1 if any(verdict.breaches for verdict in verdicts) else 0


def told(subject: Subject, verdicts: Iterable[Verdict]) -> list[Verdict]:
    """All the verdicts; what is wrong is said at once."""
    come = []
    for verdict in verdicts:
        come.append(verdict)
        for line in lines(subject, verdict):
            print(line, flush=True)
    return come


def lines(subject: Subject, verdict: Verdict) -> Iterator[str]:
    """What is wrong with a history, and how to see it alone; nothing where nothing is."""
    for breach in verdict.breaches:
        yield f"seed {verdict.seed}: {breach}"
    if verdict.breaches:
        yield f"  alone: python -m {subject.package} --seed {verdict.seed}"
        yield f"  files: {verdict.kept}"


def summary(verdicts: list[Verdict], took_s: float) -> str:
    """The sum of it, in one line."""
    counts: Counter[str] = Counter()
    for verdict in verdicts:
        counts.update(verdict.counts)
    happened = "".join(f"{count:,} {name}, " for name, count in counts.items())
    broken = sum(bool(verdict.breaches) for verdict in verdicts)
    return f"{len(verdicts):,} histories in {took_s:.0f} s: {happened}{broken} histories broken"
