"""One scan whose disk goes bad, the resume once it is good again, and everything that is wrong with the two.

Half of the machines fail, many at once, and the workers are few, so that rows are written while others are
still to be started. Assessments and waits are ten times as quick as in life: what is journaled each second is
repeated less often, and all else is written as before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from fleetscan.errors import FleetscanError
from fleetscan.scanner.summary import ScanSummary
from fleetscan.settings.declared import Settings
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.scenario import Scenario
from tests.disk_faults import Disk, Fault, Moment, on_disk
from tests.strict_reader import Run, read_run
from tests.virtual import ENDPOINT
from tests.virtual import cloud_of as cloud_at_0
from tests.virtual_scan import Clock, scan_in_virtual_time

# Where one of these fails, the directory never came to hold a run.
BEFORE_A_RUN = frozenset(
    {
        Moment("mkdir", "run"),
        Moment("open", "journal.jsonl"),
        Moment("flock", "journal.jsonl"),
        Moment("open", "results.jsonl"),
        Moment("write", "journal.jsonl"),
        Moment("fsync", "journal.jsonl"),
    }
)
# To have the names in a directory outlive a power cut is more than every file system knows how to do.
HARMLESS = frozenset({("fsync", "run"), ("close", "run")})
SENTENCE = re.compile(
    r".*/run(/(results|journal|totals)\.jsonl|/run\.json)? "
    r"(cannot be written any more \([^()]+\); (make room|fix that), then resume "
    r"with: fleetscan\.resume\('.*/run'\)"
    r"|cannot be written \([^()]+\); fix that, or scan into another directory: out)"
)


@dataclass(frozen=True, slots=True)
class Spoilt:
    """A scan that a bad disk ended: what it came to, all that a person is told, and the rows it left.

    `starts_since` counts the starts that were sent once the disk had failed.
    """

    fault: Fault
    cloud: Cloud
    clock: Clock
    out: Path
    code: int
    sentence: str | None
    starts_since: int
    rows: bytes
    left_open: list[str]


def cloud_of() -> Cloud:
    """Sixteen machines of many fates."""
    plain = Scenario(
        machines=16, subscriptions=2, regions=2, patches=1,
        failing_pct=50.0, durations="regular", speed=10.0,
    )  # fmt: skip
    return cloud_at_0(plain)


def settings_for(out: Path, *, resume: bool = False) -> Settings:
    """A scan of four workers."""
    return Settings(
        endpoint=ENDPOINT,
        out=str(out),
        resume=resume,
        max_in_flight=4,
        first_poll_s=7.5,
        poll_interval_s=3.0,
    )


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """The same scan on a good disk: how often each call is made of each file, and what becomes of whom."""

    asked: Mapping[tuple[str, str], int]
    code: int
    outcomes: Mapping[str, str]


@cache
def undisturbed() -> Undisturbed:
    """The scan that every spoilt one is held against."""
    with TemporaryDirectory() as place, on_disk(Disk()) as disk:
        out = Path(place) / "run"
        summary = scan_in_virtual_time(cloud_of(), Clock(), settings_for(out))
        return Undisturbed(disk.asked, summary.exit_code, outcomes(read_run(out)))


def outcomes(run: Run) -> dict[str, str]:
    """How each machine ended. Where its operation was lost, less may be known of the reason."""
    return {key: row["outcome"] for key, row in run.by_id.items()}


def spoil(fault: Fault, place: Path) -> Spoilt:
    """Scan into the directory `run` of `place` on a disk that has the fault."""
    cloud, clock, out = cloud_of(), Clock(), place / "run"
    starts_then: list[int] = []
    with on_disk(Disk(fault, lambda: starts_then.append(starts(cloud)))) as disk:
        code, sentence = come_to(cloud, clock, settings_for(out))
    assert starts_then, f"{fault.begins} never came"
    rows = out / "results.jsonl"
    left = rows.read_bytes() if rows.exists() else b""
    starts_since = starts(cloud) - starts_then[0]
    return Spoilt(fault, cloud, clock, out, code, sentence, starts_since, left, disk.left_open)


def come_to(cloud: Cloud, clock: Clock, settings: Settings) -> tuple[int, str | None]:
    """The exit code of a scan, and the sentence that a person is told; whatever else it raises is a bug."""
    try:
        summary = scan_in_virtual_time(cloud, clock, settings)
    except FleetscanError as error:
        return error.exit_code, str(error)
    return summary.exit_code, None if summary.stopped_by is None else str(summary.stopped_by)


def starts(cloud: Cloud) -> int:
    """How many POSTs have reached a machine."""
    return sum(cloud.ledger.starts.values())


def resumed(spoilt: Spoilt) -> ScanSummary:
    """Go on twelve seconds later, on a good disk."""
    spoilt.clock.now += 12.0
    with on_disk(Disk()):
        return scan_in_virtual_time(spoilt.cloud, spoilt.clock, settings_for(spoilt.out, resume=True))


def breaches(spoilt: Spoilt) -> Iterator[str]:
    """What is wrong with a spoilt scan, and with its resume."""
    yield from _breaches_of_the_end(spoilt)
    yield from _breaches_on_disk(spoilt)
    summary = resumed(spoilt)
    run = read_run(spoilt.out)
    if (summary.exit_code, outcomes(run)) != (undisturbed().code, undisturbed().outcomes):
        yield f"the resume ended with {summary}"
    if not (spoilt.out / "results.jsonl").read_bytes().startswith(whole_lines(spoilt.rows)):
        yield "a row that was written is not there any more, or is another"
    if spoilt.cloud.ledger.superseded or max(spoilt.cloud.ledger.accepted.values()) > 1:
        yield "a machine was assessed twice"


def _breaches_of_the_end(spoilt: Spoilt) -> Iterator[str]:
    begins = spoilt.fault.begins
    is_harmless = (begins.call, begins.file) in HARMLESS
    if is_harmless and (spoilt.code, spoilt.sentence) == (undisturbed().code, None):
        return
    if is_harmless and not spoilt.fault.later:
        yield "a harmless fault ended it"
    code = 4 if begins in BEFORE_A_RUN else 5
    if spoilt.code != code:
        yield f"exit code {spoilt.code}"
    if spoilt.sentence is None or not SENTENCE.fullmatch(spoilt.sentence):
        yield f"a person is told {spoilt.sentence!r}"
    elif not spoilt.fault.later and begins.file not in spoilt.sentence:
        yield f"{begins.file} is not named: {spoilt.sentence}"
    if begins.file != "run" and spoilt.starts_since:
        yield f"{spoilt.starts_since} starts were sent when the disk was known to be bad"


def _breaches_on_disk(spoilt: Spoilt) -> Iterator[str]:
    if spoilt.rows != whole_lines(spoilt.rows) and "ftruncate" not in spoilt.fault.later:
        yield "half a row is left"
    left = {path.name for path in spoilt.out.iterdir()} if spoilt.out.exists() else set()
    if strange := left - {"results.jsonl", "journal.jsonl", "totals.jsonl", "run.json"}:
        yield f"{strange} is left"
    if spoilt.left_open:
        yield f"{spoilt.left_open} is left open"


def whole_lines(data: bytes) -> bytes:
    """What of `data` lies before its last line's end."""
    return data[: data.rfind(b"\n") + 1]
