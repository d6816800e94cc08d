"""A scan into object storage whose host is lost, with its disk, and that another host goes on with.

A seed decides the fleet and the moments. Assessments take longer than a lease, so that what was started last
is still at work when the next process comes.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from fleetscan.places import Address
from fleetscan.remote.storage import Storage
from fleetscan.runs.reader import open_run
from fleetscan.simulator.scenario import Scenario
from tests.process.azure import CHECKOUT, Account, Azure
from tests.process.scanner import TOKEN

PACE = ("--first-poll", "1s", "--poll-interval", "1s", "--max-in-flight", "8", "--drain", "5s", "--quiet")
LIFE_S = 180.0
MACHINES = 40
# At this speed one takes some seconds, and none less than two.
SPEED = 20.0


@dataclass(frozen=True, slots=True)
class Lost:
    """What came of one history: the hosts lost, and with them so many starts that nothing else tells of."""

    kills: int
    untold: int
    breaches: list[str]
    codes: list[int | None]


def play(seed: int, place: str, environment: dict[str, str], directory: Path, kills: int = 1) -> Lost:
    """Scan into `place`, lose the host `kills` times, and check what Azure was sent against what is there."""
    chance = random.Random(seed)
    scenario = Scenario(machines=MACHINES, seed=seed, speed=SPEED, token=TOKEN, failing_pct=0, long_pct=0)
    codes: list[int | None] = []
    met = untold = 0
    with Azure(scenario, directory) as azure:
        for life in range(kills + 1):
            disk = directory / f"disk-{life}"
            disk.mkdir()
            after = chance.randrange(1, MACHINES - 5) if life < kills else None
            code = _lived(azure.endpoint, place, environment, disk, after)
            codes.append(code)
            if code == -signal.SIGKILL:
                met += 1
                untold += _started(disk) - _told(place)
                shutil.rmtree(disk)
    return Lost(met, untold, [*_breaches(place, azure.account), *_ended_badly(codes, directory)], codes)


def _lived(
    endpoint: str, place: str, environment: dict[str, str], disk: Path, after: int | None
) -> int | None:
    """The exit code of one process, which is killed once it has sent `after` starts."""
    command = ("-m", "tests.remote.scan_quickly", "scan", "--resume", "--endpoint", endpoint, "--out", place)
    told = {"FLEETSCAN_ACCESS_TOKEN": TOKEN, "TMPDIR": str(disk), **environment}
    with (
        (disk.parent / f"{disk.name}.log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, *command, *PACE],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=CHECKOUT,
            env=os.environ | told,
        ) as process,
    ):
        until = time.monotonic() + LIFE_S
        while process.poll() is None and time.monotonic() < until:
            if after is not None and _started(disk) >= after:
                process.kill()
            time.sleep(0.01)
        process.kill()
    return process.returncode


def _started(disk: Path) -> int:
    """How many starts the journal on a disk tells of."""
    journals = list(disk.glob("fleetscan-copy-*/*/journal.jsonl"))
    return sum(path.read_bytes().count(b'{"event":"starting"') for path in journals)


def _told(place: str) -> int:
    """How many starts the journal in object storage tells of."""
    storage = Storage.open(Address.of(place))
    parts = [storage.read(each.name) for each in storage.listed("journal")]
    return sum(part[0].count(b'{"event":"starting"') for part in parts if part is not None)


def _breaches(place: str, account: Account) -> list[str]:
    run = open_run(place)
    rows = Counter(row["resource_id"].lower() for row in run.rows())
    found = [
        f"{key} was started {len(posts)} times" for key, posts in account.posts.items() if len(posts) > 1
    ]
    found += [f"{key} has no row" for key in account.counts if not rows[key]]
    found += [f"{key} has {count} rows" for key, count in rows.items() if count > 1]
    found += [f"an assessment of {key} was ended by another" for key in account.superseded]
    for row in run.rows():
        told = [row["critical_and_security_count"], row["other_count"]]
        if row["outcome"] == "assessed" and told != account.counts[row["resource_id"].lower()]:
            found.append(f"{row['name']}: {told} is not what Azure found")
        if row["outcome"] not in ("assessed", "skipped"):
            found.append(f"{row['name']}: {row['outcome']} {row['reason']}")
    if not run.is_complete:
        found.append("the run is not complete")
    return found


def _ended_badly(codes: list[int | None], directory: Path) -> list[str]:
    bad = [code for code in codes if code not in (0, -signal.SIGKILL)]
    logs = [path.read_text()[-1500:] for path in directory.glob("*.log")] if bad else []
    return [f"a process ended with {code}" for code in bad] + logs
