"""One damaged run, by its seed: a scan is killed, a file of it is damaged, and another process resumes it.

It is refused in a sentence and nothing is written, or it goes on to an end in which each VM stands once, with
what Azure told of it.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

from fleetscan.errors import CannotResumeError
from fleetscan.runs.directory import JOURNAL, RESULTS
from fleetscan.simulator.scenario import Scenario
from tests.damage.kinds import KINDS
from tests.faults.checks import Check, no_bug, one_row_a_machine, rows_tell_the_truth
from tests.faults.disk import KilledError, killing
from tests.faults.history import History, Life, targets_of
from tests.playing import Subject, Verdict
from tests.strict_reader import Run, read_run
from tests.virtual import cloud_of

# A scan of these VMs writes some 130 times; one in three is damaged after it was finished.
LATEST_KILL = 200
MOST_LIVES = 3
# So much later a run is resumed, s.
PAUSES_S = (0.0, 5.0, 600.0)


def scenario_of(seed: int) -> Scenario:
    """A small fleet that answers."""
    return Scenario(
        machines=20,
        subscriptions=2,
        regions=2,
        seed=seed,
        patches=2,
        stopped_pct=10.0,
        failing_pct=10.0,
        durations="lognormal",
    )


def play(seed: int, place: Path) -> Verdict:
    """Play one and check it."""
    draw = random.Random(f"{seed}:damage")
    history, now = _begun(seed, place / "run", "one", draw)
    other, _ = _begun(seed, place / "other", "two", draw)
    rows = _rows(history.out)
    name, kind = draw.choice((JOURNAL, RESULTS)), draw.choice(list(KINDS))
    damaged = KINDS[kind](draw, (history.out / name).read_bytes(), (other.out / name).read_bytes())
    (history.out / name).write_bytes(damaged)
    before = _files(history.out)
    try:
        _gone_on(history, now + draw.choice(PAUSES_S), draw)
    except CannotResumeError:
        wrong = [] if _files(history.out) == before else ["a refused resume wrote something"]
        counts = {"refused": 1}
    else:
        wrong = list(_breaches(history, rows))
        counts = {"gone on": 1, "damages that changed nothing": int(_is_kept(rows, history.out))}
    return Verdict(seed, tuple(f"{name}, {kind}: {each}" for each in wrong), counts)


def _begun(seed: int, out: Path, scan_id: str, draw: random.Random) -> tuple[History, float]:
    """A run that was killed, or finished, and when that was."""
    cloud = cloud_of(scenario_of(seed))
    history = History(seed, cloud, targets_of(cloud), out, scan_id)
    life = Life(history, 0, 0.0, draw)
    try:
        with killing(draw.randrange(1, LATEST_KILL), draw.random, history.flushed):
            history.summary = life.live()
    except KilledError:
        life.die()
    return history, life.now


def _gone_on(history: History, now: float, draw: random.Random) -> None:
    for process in range(1, MOST_LIVES):
        life = Life(history, process, now, draw)
        with killing(None, draw.random, history.flushed):
            history.summary = life.live()
        if history.summary.stopped_by is None:
            return
        now = life.now
    raise AssertionError("the run does not end")


def _breaches(history: History, rows: Mapping[str, bytes]) -> Iterator[str]:
    """What is missing, doubled or altered in a run that went on to its end."""
    assert history.summary is not None
    if history.summary.exit_code not in (0, 3):
        yield f"it ended with {history.summary}"
        return
    run = read_run(history.out)
    for check in CHECKS:
        yield from check(history, run)
    for key, row in _rows(history.out).items():
        # An assessment that was made anew has another time.
        if row != rows.get(key, row) and run.by_id[key]["operation"] is None:
            yield f"the row of {key} was altered"


def rows_are_as_azure_told(history: History, run: Run) -> Iterator[str]:
    """An assessed machine's row has Azure's result, and each row what was listed."""
    for target in history.targets:
        row = run.by_id.get(target.key)
        if row is None:
            continue
        if (row["name"], row["power_state"], row["os_type"]) != (
            target.name,
            target.power_state,
            target.os_type,
        ):
            yield f"{row['name']}: the row is not {target.name}'s"
        if row["outcome"] == "assessed" and row["source"] == "operation":
            result = history.cloud.ledger.result_of(target.key)
            if row["assessment"] != result:
                yield f"{row['name']}: its assessment was altered"


CHECKS: tuple[Check, ...] = (one_row_a_machine, no_bug, rows_tell_the_truth, rows_are_as_azure_told)


def _rows(out: Path) -> dict[str, bytes]:
    """The whole rows by lower-cased id."""
    found = {}
    for line in (out / RESULTS).read_bytes().splitlines(keepends=True) if (out / RESULTS).exists() else ():
        if line.endswith(b"\n"):
            found[line.split(b'"resource_id":"', 1)[1].split(b'"', 1)[0].decode().lower()] = line
    return found


def _is_kept(rows: Mapping[str, bytes], out: Path) -> bool:
    """Whether every row that was there still is, byte for byte."""
    now = _rows(out)
    return all(now.get(key) == row for key, row in rows.items())


def _files(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


DAMAGE = Subject("tests.damage", play, unit="damages", wanted=1000, at_once=os.cpu_count() or 1)
