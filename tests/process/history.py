"""One history: a simulated Azure over HTTP, and a scan that is killed, resumed and killed again, to its end.

A seed decides the fleet, its faults and the moments of the kills. What a process has come to by then is up to
the computer, so that a seed which broke something once may have to be played several times.
"""

from __future__ import annotations

import random
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from fleetscan.simulator.scenario import Scenario
from tests.process.azure import Account, Azure
from tests.process.scanner import TOKEN, Files, Scanner

MOST_KILLS = 3
# How long a process takes to set to work, and how long it works where nobody kills it.
BIRTH_S = 1.0
SCAN_S = 5.0
# One that goes on may wait this long for starts whose fate it does not know.
SETTLING_S = 20.0
# After stops of the scan's own, such as a refused token, it is gone on with.
MOST_LIVES = 20
STOPPED = (4, 5)
# A start of unknown fate is waited for, five seconds where nothing shows: twice, with conflicts and retries.
LIFE_S = 400.0


@dataclass(frozen=True, slots=True)
class Moment:
    """When a process is killed: so long after it was born, or after it had set to work in its directory."""

    after_s: float
    is_at_work: bool


@dataclass(frozen=True, slots=True)
class Kill:
    """A SIGKILL: when it had worked, in seconds since 1970, and what was in the directory then."""

    at: float
    files: Files


@dataclass(frozen=True, slots=True)
class SecondScan:
    """Another scan of a directory at work: its exit code, and whether it changed anything there."""

    code: int | None
    changed: bool


@dataclass(frozen=True, slots=True)
class Life:
    """One process. `code` is negative where a signal ended it, and None where it would not end."""

    code: int | None
    said: str
    kill: Kill | None = None
    second: SecondScan | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What happened, told to whoever checks it."""

    seed: int
    out: Path
    scenario: Scenario
    lives: list[Life] = field(default_factory=list)
    account: Account = field(default_factory=Account)

    @property
    def kills(self) -> list[Kill]:
        """The kills that met a process that was at work."""
        return [life.kill for life in self.lives if life.kill is not None]


def scenario_of(seed: int) -> Scenario:
    """A fleet that is scanned within seconds. Every other seed has faults, whose waits take minutes."""
    return Scenario(
        machines=random.Random(f"{seed}:machines").choice((60, 100, 150)),
        seed=seed,
        speed=60.0,
        # One look a second at a machine is more than Azure's own limits bear. Of pages it gives 30 a second.
        limits_speed=10.0 if is_listed_slowly(seed) else 100.0,
        durations="regular",
        patches=5,
        installing_pct=8.0,
        faults_pct=3.0 if seed % 2 else 0.0,
        token=TOKEN,
    )


def is_listed_slowly(seed: int) -> bool:
    """Whether the listing takes seconds, in which VMs are started: so in one history of three."""
    return seed % 3 == 0


def program_of(seed: int) -> str:
    """The module that scans."""
    return "tests.process.early" if is_listed_slowly(seed) else "fleetscan"


def kill_moments(seed: int) -> list[Moment]:
    """When each process is killed; the one after the last is let live."""
    draw = random.Random(f"{seed}:kills")
    moments = [_moment(draw, SCAN_S)]
    while len(moments) < MOST_KILLS and draw.random() < 0.6:
        moments.append(_moment(draw, draw.choice((0.5, SCAN_S, SETTLING_S))))
    return moments


def _moment(draw: random.Random, most_s: float) -> Moment:
    is_at_work = draw.random() < 0.85
    return Moment(draw.uniform(0.0, most_s if is_at_work else BIRTH_S), is_at_work)


def history_of(seed: int, place: Path) -> History:
    """Play the history of `seed` to its end, its files in `place`."""
    draw = random.Random(f"{seed}:seconds")
    moments, lives = kill_moments(seed), list[Life]()
    with Azure(scenario_of(seed), place) as azure:
        while len(lives) < MOST_LIVES and (not lives or lives[-1].code in (-signal.SIGKILL, *STOPPED)):
            log = place / f"{len(lives)}.log"
            with Scanner(azure.endpoint, place / "run", log, "--resume", program=program_of(seed)) as scanner:
                if moments:
                    lives.append(_killed(azure, scanner, moments.pop(0), draw.random() < 0.5))
                else:
                    lives.append(Life(scanner.wait(LIFE_S), scanner.said))
    return History(seed, place / "run", azure.scenario, lives, azure.account)


def _killed(azure: Azure, scanner: Scanner, moment: Moment, is_met: bool) -> Life:
    """A life that is ended, if it lasts so long; `is_met` has a second scan try its directory before."""
    if moment.is_at_work:
        scanner.wait_at_work(LIFE_S)
    if (code := scanner.wait(moment.after_s)) is not None:
        return Life(code, scanner.said)
    second = _second_scan(azure, scanner) if is_met else None
    scanner.send(signal.SIGKILL)
    code = scanner.wait(LIFE_S)
    # It may have ended by itself in the last moment.
    kill = Kill(time.time(), Files.of(scanner.out)) if code == -signal.SIGKILL else None
    return Life(code, scanner.said, kill, second)


def _second_scan(azure: Azure, scanner: Scanner) -> SecondScan | None:
    """Hold the process up, and have another one try its directory; None where it is not at work there."""
    scanner.hold_up()
    if not scanner.is_at_work():
        return None
    before = contents(scanner.out)
    with Scanner(azure.endpoint, scanner.out, scanner.log.with_suffix(".second.log"), "--resume") as second:
        code = second.wait(LIFE_S)
    return SecondScan(code, contents(scanner.out) != before)


def contents(out: Path) -> dict[str, tuple[int, bytes]]:
    """When each file in the directory `out` was written last, in nanoseconds, and what is in it."""
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in sorted(out.iterdir())}
