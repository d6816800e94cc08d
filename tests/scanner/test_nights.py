"""The scheduler's line, night after night: `--resume` goes on with tonight's run, never with last night's."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from fleetscan.azure.credentials import TokenSource
from fleetscan.errors import CannotResumeError, FleetscanError, LockedError
from fleetscan.runs.journal import JournalFile
from fleetscan.scanner.live import scan_over
from fleetscan.scanner.named_run import find_run
from fleetscan.scanner.summary import ScanSummary
from fleetscan.settings.declared import Settings
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.scenario import Scenario
from tests.faults.disk import KilledError, killing
from tests.scanner.test_whole_scans import Notes
from tests.strict_reader import read_run
from tests.virtual import ENDPOINT, EPOCH, cloud_of
from tests.virtual_scan import Clock, Transport, run_to_end, virtual

MINUTE_S = 60.0
HOUR_S = 3600.0
DAY_S = 86_400.0


class Nights:
    """A fleet of twenty VMs, its runs, and a clock that begins at midnight, 2026-01-01."""

    def __init__(self, place: Path, **more: float) -> None:
        self.runs = place / "runs"
        self.clock = Clock()
        plain = {"stopped_pct": 0.0, "failing_pct": 0.0} | more
        self.cloud: Cloud = cloud_of(Scenario(machines=20, subscriptions=2, regions=1, patches=1, **plain))  # type: ignore[arg-type]
        self.line = Settings(endpoint=ENDPOINT, runs=str(self.runs), resume=True, deadline_s=2 * HOUR_S)
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def scan(
        self,
        settings: Settings | None = None,
        at_write: int | None = None,
        tokens: TokenSource | None = None,
    ) -> ScanSummary:
        """One process of the line, or of other settings; `notes` has what it said.

        It is killed in its `at_write`th write.
        """
        hooks = Notes()
        self.notes, self.warnings = hooks.notes, hooks.warnings
        with virtual(self.clock), killing(at_write, lambda: 0.5, {}):
            wire = Transport(self.cloud, self.clock)
            return run_to_end(scan_over(wire, settings or self.line, tokens=tokens, hooks=hooks), self.clock)

    def resume(self, run: str | None, endpoint: str | None = None, **how: object) -> ScanSummary:
        """One process of `fleetscan resume`, under the runs of the line unless told others."""
        hooks = Notes()
        self.notes, self.warnings = hooks.notes, hooks.warnings
        runs = str(how.get("runs", self.runs))
        within_s = Settings(resume_within_s=how.get("resume_within_s", 72_000.0)).resume_within_s  # type: ignore[arg-type]
        with virtual(self.clock):
            named = find_run(run, runs, within_s, EPOCH + timedelta(seconds=self.clock.now))
            settings = named.settings(endpoint, how)
            self.warnings.extend(named.warnings)
            wire = Transport(self.cloud, self.clock)
            return run_to_end(
                scan_over(wire, settings, hooks=hooks, started_with=named.started_with), self.clock
            )

    def killed(self, at_write: int) -> None:
        """A process that is killed in its so-many-th write."""
        with pytest.raises((KilledError, BaseExceptionGroup)):
            self.scan(at_write=at_write)

    @property
    def names(self) -> list[str]:
        """The runs' directories."""
        return sorted(path.name for path in self.runs.iterdir() if path.name != "latest")

    @property
    def starts(self) -> set[int]:
        """How often the VMs were started."""
        return set(self.cloud.ledger.starts.values())


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    """Before the first night."""
    return Nights(tmp_path)


def latest(nights: Nights) -> str:
    """The run that `latest` leads to."""
    return (nights.runs / "latest").resolve().name


def test_four_nights_of_the_scheduler_s_line(nights: Nights) -> None:
    # 1. The first night is whole.
    first = nights.scan()
    assert (first.exit_code, len(nights.names), nights.starts) == (0, 1, {1})
    assert nights.notes == ["new run: there is no earlier one of this selection"]
    # 2. The second is killed, and restarted within the hour.
    nights.clock.now = DAY_S + HOUR_S
    nights.killed(at_write=60)
    assert len(nights.names) == 2
    tonight = nights.names[1]
    journal = (nights.runs / tonight / "journal.jsonl").read_bytes()
    done = (nights.runs / tonight / "results.jsonl").read_bytes().count(b"\n")
    followed = journal.count(b'{"event":"starting"') - done
    nights.clock.now = DAY_S + HOUR_S + 40 * MINUTE_S
    second = nights.scan()
    assert second.directory == nights.runs / tonight
    assert nights.notes[0] == (
        f"resuming {second.directory}, begun 2026-01-02 01:00 UTC: "
        f"{done} VMs done, {followed} followed, {20 - done - followed} to start"
    )
    assert followed > 0
    assert done < 20
    assert (second.exit_code, len(nights.names), nights.starts) == (0, 2, {2})
    assert not nights.cloud.ledger.superseded
    assert second.totals["started_at"].startswith("2026-01-02T01:00:00")
    assert latest(nights) == tonight
    # 3. The third is a run of its own.
    nights.clock.now = 2 * DAY_S + HOUR_S
    third = nights.scan()
    assert (third.exit_code, len(nights.names), nights.starts) == (0, 3, {3})
    assert nights.notes == [f"new run: the last one of this selection, {second.directory}, is complete"]
    # 4. On the fourth a newer complete run lies beside an unfinished one.
    nights.clock.now = 3 * DAY_S
    assert nights.scan(replace(nights.line, deadline_s=MINUTE_S, drain_s=0.0)).exit_code == 5
    nights.clock.now += HOUR_S
    by_hand = nights.scan(replace(nights.line, resume=False))
    assert (by_hand.exit_code, len(nights.names)) == (0, 5)
    nights.clock.now += HOUR_S
    assert nights.scan().exit_code == 0
    assert nights.notes == [f"new run: the last one of this selection, {by_hand.directory}, is complete"]
    assert len(nights.names) == 6
    assert latest(nights) == nights.names[5]


def test_a_run_older_than_a_resume_goes_back_is_left_and_the_note_says_how_to_resume_it(
    nights: Nights,
) -> None:
    short = replace(nights.line, deadline_s=MINUTE_S, drain_s=0.0)
    old = nights.scan(short).directory
    nights.clock.now = 21 * HOUR_S
    assert nights.scan().exit_code == 0
    assert nights.notes[0] == (
        f"new run: the last one of this selection, {old}, is unfinished, but began 2026-01-01 00:00 UTC, "
        f"more than 20 h ago; resume with: fleetscan.resume({str(old)!r})"
    )
    assert len(nights.names) == 2
    assert nights.resume(str(old)).exit_code == 0
    assert read_run(Path(str(old))).fleet["outcomes"]["assessed"] == 20


def test_the_deadline_counts_from_each_process_s_own_start(tmp_path: Path) -> None:
    # Limits so low that two minutes are not enough for all starts.
    nights = Nights(tmp_path, limits_speed=0.01)
    short = replace(nights.line, deadline_s=MINUTE_S, drain_s=0.0)
    for began_at in (0.0, HOUR_S):
        nights.clock.now = began_at
        assert nights.scan(short).exit_code == 5
        assert nights.clock.now - began_at == pytest.approx(60.0, abs=2.0)
    assert nights.notes[0].startswith("resuming ")


def test_a_run_that_a_live_process_holds_is_refused_and_never_passed_over(nights: Nights) -> None:
    held = nights.scan(replace(nights.line, deadline_s=MINUTE_S, drain_s=0.0)).directory
    assert held is not None
    holder = JournalFile.reopen(held / "journal.jsonl")
    # Even where it is too old to be resumed, or a newer run is complete.
    for now in (HOUR_S, 30 * HOUR_S):
        nights.clock.now = now
        with pytest.raises(LockedError, match=r"is being written by process \d+ on ") as refused:
            nights.scan()
        assert refused.value.exit_code == 2
        nights.scan(replace(nights.line, resume=False))
    holder.close()


def test_a_process_that_has_not_written_run_json_yet_holds_its_selection_too(nights: Nights) -> None:
    held = nights.scan(replace(nights.line, deadline_s=MINUTE_S, drain_s=0.0)).directory
    assert held is not None
    (held / "run.json").unlink()
    holder = JournalFile.reopen(held / "journal.jsonl")
    with pytest.raises(LockedError):
        nights.scan()
    assert nights.scan(replace(nights.line, limit=3)).exit_code == 0
    holder.close()


def test_a_run_that_was_taken_up_while_the_fleet_was_listed_is_refused_too(
    nights: Nights, tmp_path: Path
) -> None:
    held = nights.scan(replace(nights.line, deadline_s=MINUTE_S, drain_s=0.0)).directory
    assert held is not None
    elsewhere = tmp_path / held.name
    shutil.move(held, elsewhere)
    holders: list[JournalFile] = []

    def take_up(name: str) -> None:
        if name == "listing":
            shutil.move(elsewhere, held)
            holders.append(JournalFile.reopen(held / "journal.jsonl"))

    class Late(Notes):
        def phase(self, name: str) -> None:
            take_up(name)

    nights.clock.now = HOUR_S
    with virtual(nights.clock), pytest.raises(LockedError):
        run_to_end(scan_over(Transport(nights.cloud, nights.clock), nights.line, hooks=Late()), nights.clock)
    holders[0].close()
    assert nights.names == [held.name]


@pytest.mark.parametrize(
    "other",
    [
        {"limit": 5},
        {"endpoint": "https://management.usgovcloudapi.net"},
        {"subscription": ("3f8c0d5e",)},
    ],
)
def test_a_run_of_another_selection_is_no_run_of_this_one(nights: Nights, other: dict[str, object]) -> None:
    nights.scan(replace(nights.line, deadline_s=MINUTE_S, drain_s=0.0))
    nights.clock.now = HOUR_S
    before = nights.names
    with suppress(FleetscanError):
        nights.scan(replace(nights.line, **other))  # type: ignore[arg-type]
    assert nights.notes[0] == "new run: there is no earlier one of this selection"
    assert read_run(nights.runs / before[0]).facts["exit_code"] == 5


def test_the_same_subscriptions_in_another_order_and_case_are_the_same_selection(nights: Nights) -> None:
    ids = [each.subscription_id for each in nights.cloud.fleet.estate.subscriptions]
    one = replace(nights.line, subscription=tuple(ids), deadline_s=MINUTE_S, drain_s=0.0)
    nights.scan(one)
    nights.clock.now = HOUR_S
    nights.scan(replace(one, subscription=tuple(each.upper() for each in reversed(ids)), deadline_s=HOUR_S))
    assert nights.notes[0].startswith("resuming ")


def test_an_inventory_file_is_the_same_while_its_bytes_are(nights: Nights, tmp_path: Path) -> None:
    file = tmp_path / "vms.txt"
    ids = [machine.resource_id for machine in nights.cloud.fleet]
    file.write_text("\n".join(ids[:10]))
    line = replace(nights.line, inventory=str(file), deadline_s=MINUTE_S, drain_s=0.0)
    nights.scan(line)
    nights.clock.now = HOUR_S
    nights.scan(line)
    assert nights.notes[0].startswith("resuming ")
    nights.scan(line)
    file.write_text("\n".join(ids[:11]))
    nights.scan(line)
    assert nights.notes[0] == "new run: there is no earlier one of this selection"


def test_damaged_runs_are_passed_over_with_a_warning_each(nights: Nights) -> None:
    done = nights.scan().directory
    for name, text in (("a", "{"), ("b", "{}")):
        (nights.runs / name).mkdir()
        (nights.runs / name / "run.json").write_text(text)
    (nights.runs / "c").mkdir()
    (nights.runs / "c" / "journal.jsonl").write_text('{"event":"begun"')
    (nights.runs / "notes").mkdir()
    (nights.runs / "d").mkdir()
    facts = json.loads((Path(str(done)) / "run.json").read_bytes())
    (nights.runs / "d" / "run.json").write_text(json.dumps(facts | {"started_at": "tomorrow"}))
    nights.clock.now = DAY_S
    nights.scan()
    assert nights.notes == [f"new run: the last one of this selection, {done}, is complete"]
    assert [warning.partition(" cannot be read as a run: ")[0] for warning in nights.warnings] == [
        str(nights.runs / name) for name in "abcd"
    ]
    assert all(warning.endswith("; it is passed over") for warning in nights.warnings)


def test_an_unfinished_run_whose_journal_is_damaged_is_passed_over_too(nights: Nights) -> None:
    damaged = nights.scan(replace(nights.line, deadline_s=MINUTE_S, drain_s=0.0)).directory
    assert damaged is not None
    journal = damaged / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:2], b"broken\n", *lines[3:]]))
    nights.clock.now = HOUR_S
    assert nights.scan().exit_code == 0
    assert len(nights.names) == 2
    assert nights.warnings == [
        f"{damaged} cannot be resumed: "
        "line 3 of its journal cannot be read, or is not what was written there; it is passed over"
    ]


def test_runs_are_compared_by_when_they_began_and_not_by_name(nights: Nights) -> None:
    first = nights.scan(replace(nights.line, deadline_s=MINUTE_S, drain_s=0.0)).directory
    assert first is not None
    nights.clock.now = HOUR_S
    second = nights.scan(replace(nights.line, resume=False)).directory
    assert second is not None
    first.rename(nights.runs / "zz-first")
    nights.clock.now = 2 * HOUR_S
    nights.scan()
    assert nights.notes == [f"new run: the last one of this selection, {second}, is complete"]


class Token:
    """A token that tells its tenant once it was fetched, as an azure-identity credential's does."""

    def __init__(self, tenant_id: str) -> None:
        self._tenant_id = tenant_id
        self._is_fetched = False

    async def header(self) -> str:
        self._is_fetched = True
        return "Bearer t"

    async def renew(self, refused: str, claims: str | None) -> None: ...
    async def aclose(self) -> None: ...

    def principal(self) -> dict[str, str | None]:
        tenant_id = self._tenant_id if self._is_fetched else None
        return {"object_id": None, "app_id": None, "tenant_id": tenant_id, "name": None}


def test_another_tenant_s_run_is_no_run_of_this_selection(nights: Nights) -> None:
    short = replace(nights.line, deadline_s=MINUTE_S, drain_s=0.0)
    nights.scan(short, tokens=Token("t-1"))
    nights.clock.now = HOUR_S
    nights.scan(short, tokens=Token("t-2"))
    assert nights.notes[0] == "new run: there is no earlier one of this selection"
    nights.clock.now = 2 * HOUR_S
    nights.scan(short, tokens=Token("T-1"))
    assert nights.notes[0].startswith(f"resuming {nights.runs / nights.names[0]}, begun 2026-01-01 00:00 UTC")


def contents(path: Path) -> dict[str, bytes]:
    """What is in each file of a directory."""
    return {file.name: file.read_bytes() for file in path.iterdir()}


@pytest.mark.parametrize("deadline_s", [MINUTE_S, 2 * HOUR_S])
def test_a_named_directory_that_holds_last_night_s_run_is_refused_and_left_as_it_is(
    nights: Nights, tmp_path: Path, deadline_s: float
) -> None:
    out = tmp_path / "nightly"
    line = Settings(endpoint=ENDPOINT, out=str(out), resume=True, deadline_s=deadline_s, drain_s=0.0)
    code = nights.scan(line).exit_code
    before, starts = contents(out), nights.starts
    nights.clock.now = HOUR_S
    if code == 0:
        # Tonight's finished run stays as it is, with its code, and that is said.
        assert nights.scan(line).exit_code == 0
        assert nights.notes[0].startswith(f"nothing was scanned: the run in {out} began 2026-01-01 00:00 UTC")
    nights.clock.now = DAY_S
    with pytest.raises(CannotResumeError) as refused:
        nights.scan(line)
    ended = "was stopped 2026-01-01 00:01 UTC and is unfinished" if code else "and is complete"
    remedy = f"resume with: fleetscan.resume({str(out)!r})"
    assert refused.value.exit_code == 2
    assert "it began 2026-01-01 00:00 UTC, more than 20 h ago" in refused.value.why
    assert ended in refused.value.why
    assert "nothing was scanned" in refused.value.why
    assert str(refused.value).endswith(
        remedy if code else "leave out away, or name another directory with out"
    )
    assert (contents(out), nights.starts) == (before, starts)
