"""`resume`: the run that is meant, as it was started, and nothing that a stranger wrote believed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fleetscan.errors import (
    CannotReadRunError,
    CannotResumeError,
    FleetscanError,
    LockedError,
    Remedy,
    RunExistsError,
    TokenRefusedError,
    UsageError,
)
from fleetscan.runs import chain
from fleetscan.runs.how_to_resume import command_for
from fleetscan.runs.journal import JournalFile, read_journal
from fleetscan.runs.reader import open_run
from fleetscan.scanner.named_run import NamedRun, find_run
from fleetscan.scanner.summary import stopped as told_stop
from fleetscan.settings.declared import Settings
from tests.scanner.test_nights import DAY_S, HOUR_S, MINUTE_S, Nights, contents
from tests.strict_reader import read_run
from tests.virtual import ENDPOINT, EPOCH

FOREIGN = "https://management.azurestack.example"


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    """Before the first night."""
    return Nights(tmp_path)


def short_of(nights: Nights, **more: object) -> Settings:
    """The line with a deadline that leaves VMs unfinished."""
    return replace(nights.line, resume=False, deadline_s=MINUTE_S, drain_s=0.0, **more)  # type: ignore[arg-type]


def stopped(nights: Nights, **more: object) -> Path:
    """The directory of a run that was stopped with VMs unfinished."""
    summary = nights.scan(short_of(nights, **more))
    assert summary.exit_code == 5
    assert summary.directory is not None
    return summary.directory


def with_facts(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what run.json says."""
    facts = json.loads((run / "run.json").read_bytes())
    change(facts)
    (run / "run.json").write_text(json.dumps(facts))


def with_asked(run: Path, **asked: object) -> None:
    """Change what every line of the journal says was asked for, with checksums that hold."""
    crc, lines = chain.NOTHING_BEFORE, []
    for line in (run / "journal.jsonl").read_bytes().splitlines():
        event = json.loads(line)
        del event["crc"]
        if event["event"] == "begun":
            event["asked"] |= asked
        sealed, crc = chain.seal(json.dumps(event, separators=(",", ":")).encode(), crc)
        lines.append(sealed)
    (run / "journal.jsonl").write_bytes(b"".join(lines))


def named_by(nights: Nights, run: Path) -> NamedRun:
    """What `resume` takes the directory `run` for."""
    return find_run(str(run), str(nights.runs), HOUR_S, EPOCH)


def of_foreign_endpoint(run: Path) -> None:
    """Make it a run of a host that is neither Azure's nor this machine."""
    with_asked(run, endpoint=FOREIGN)
    with_facts(run, lambda facts: _set_endpoint(facts, FOREIGN))


def _set_endpoint(facts: dict[str, Any], endpoint: str) -> None:
    facts["settings"]["endpoint"] = facts["selection"]["endpoint"] = endpoint


def test_every_setting_is_as_the_run_was_started(nights: Nights) -> None:
    how: dict[str, object] = {"group_by": ("tag:owner",), "rate_share": 0.5, "max_in_flight": 3}
    run = stopped(nights, limit=15, **how)
    summary = nights.resume(str(run), deadline_s=HOUR_S)
    assert (summary.exit_code, summary.directory, summary.totals["listed"]) == (0, run, 15)
    assert (summary.running, summary.not_started, nights.starts) == (0, 0, {1})
    facts = read_run(run).facts["settings"]
    assert (facts["group_by"], facts["rate_share"], facts["max_in_flight"]) == (["tag:owner"], 0.5, 3)
    assert b'"scope":"tag:owner"' in (run / "totals.jsonl").read_bytes()


def test_what_a_resume_is_told_holds_for_that_process_alone(nights: Nights) -> None:
    run = stopped(nights)
    nights.resume(str(run), drain_s=7.0, deadline_s=1.0)
    settings = read_run(run).facts["settings"]
    assert (settings["drain_s"], settings["deadline_s"]) == (0.0, MINUTE_S)


@pytest.mark.parametrize("name", ["limit", "endpoint", "subscription", "out", "resume", "no_such_setting"])
def test_whom_a_run_asks_cannot_be_told(nights: Nights, name: str) -> None:
    run = stopped(nights)
    with pytest.raises(UsageError, match=f"a resumed run keeps its own {name.replace('_', '-')}"):
        named_by(nights, run).settings(None, {name: 1})


def test_a_named_run_goes_on_however_long_ago_it_began(nights: Nights) -> None:
    run = stopped(nights)
    nights.clock.now = 40 * DAY_S
    assert nights.resume(str(run), deadline_s=HOUR_S).exit_code == 0
    assert nights.notes[0].startswith(f"resuming {run}, begun 2026-01-01 00:00 UTC: ")
    assert nights.starts == {1}


def test_without_a_name_the_newest_unfinished_run_goes_on(nights: Nights) -> None:
    stopped(nights)
    nights.clock.now = HOUR_S
    second = stopped(nights, limit=15)
    nights.clock.now = 2 * HOUR_S
    done = nights.scan(replace(nights.line, resume=False, limit=4)).directory
    assert nights.resume(None, deadline_s=HOUR_S).directory == second
    # Then the older one is the newest that is unfinished.
    assert nights.resume(None, deadline_s=HOUR_S).directory not in (second, done)
    with pytest.raises(UsageError, match="there is no unfinished run in ") as none:
        nights.resume(None)
    assert none.value.exit_code == 2
    assert f"; the newest, {done}, is complete; " in str(none.value)


def test_without_a_name_an_old_run_is_named_and_left_as_it_is(nights: Nights) -> None:
    run = stopped(nights)
    before = contents(run)
    nights.clock.now = 26.5 * HOUR_S
    with pytest.raises(UsageError) as refused:
        nights.resume(None)
    assert str(refused.value) == (
        f"the newest unfinished run in {nights.runs} began 2026-01-01 00:00 UTC, 26.5 h ago, and only one of "
        f"the last 20 h is resumed unnamed; resume with: fleetscan.resume({str(run)!r})"
    )
    assert contents(run) == before
    assert nights.resume(None, resume_within_s=27 * HOUR_S, deadline_s=HOUR_S).directory == run


def test_a_run_of_the_last_minute_that_is_too_old_is_told_in_seconds(nights: Nights) -> None:
    stopped(nights)
    ended_s = nights.clock.now
    nights.clock.now = max(ended_s, 30.0)
    with pytest.raises(UsageError, match=r"ago, and only one of the last 1 s is resumed unnamed"):
        nights.resume(None, resume_within_s=1.0)


def test_a_directory_of_runs_that_is_not_there_has_none(nights: Nights) -> None:
    with pytest.raises(UsageError, match="there is no unfinished run in "):
        nights.resume(None)


def test_a_run_is_named_by_its_directory_or_by_how_its_name_or_id_begins(nights: Nights) -> None:
    run = stopped(nights)
    scan_id = read_run(run).facts["scan_id"]
    for name in (str(run), run.name, run.name[:12], scan_id, scan_id[:8].upper()):
        nights.resume(name, deadline_s=0.5)
        assert nights.notes[0].startswith("resuming ")
    nights.clock.now += DAY_S
    stopped(nights)
    with pytest.raises(UsageError, match="2026 is the beginning of several runs' ids"):
        nights.resume("2026")
    for name in ("nope", "latest", "journal.jsonl"):
        with pytest.raises(CannotReadRunError, match="name a run's directory, or how its name or id"):
            nights.resume(name)
    with pytest.raises(UsageError, match="'' is no name of a run"):
        nights.resume("")
    with pytest.raises(UsageError, match="is no name of a run"):
        nights.resume("a\0b")


def test_a_finished_run_stays_as_it_is_and_that_is_said(nights: Nights) -> None:
    run = nights.scan(replace(nights.line, resume=False)).directory
    assert run is not None
    before = contents(run)
    nights.clock.now = 30 * DAY_S
    for name in (str(run), "latest"):
        summary = nights.resume(name)
        assert (summary.exit_code, contents(run), nights.starts) == (0, before, {1})
        assert nights.notes[0].startswith("nothing was scanned: the run in ")


def test_a_run_that_a_live_process_holds_is_refused_and_the_process_is_named(nights: Nights) -> None:
    run = stopped(nights)
    holder = JournalFile.reopen(run / "journal.jsonl")
    for name in (None, str(run)):
        with pytest.raises(LockedError, match=r"is being written by process \d+ on ") as refused:
            nights.resume(name)
        assert refused.value.exit_code == 2
    holder.close()
    assert nights.resume(None, deadline_s=HOUR_S).exit_code == 0


def test_another_endpoint_than_azure_s_and_this_machine_s_has_to_be_said_again(nights: Nights) -> None:
    run = stopped(nights)
    of_foreign_endpoint(run)
    before, requests = contents(run), dict(nights.cloud.ledger.starts)
    with pytest.raises(CannotResumeError) as refused:
        nights.resume(str(run))
    command = f"resume with: fleetscan.resume({str(run)!r}, endpoint={FOREIGN!r})"
    assert str(refused.value).endswith(f"make sure that it is yours, then {command}")
    for other in (ENDPOINT, "https://other.example", f"{FOREIGN}:8443", f"{FOREIGN}.", "http://127.0.0.1:1"):
        with pytest.raises(CannotResumeError, match="it was started with the endpoint ") as refused:
            nights.resume(str(run), endpoint=other)
        assert str(refused.value).endswith(command)
    assert (contents(run), dict(nights.cloud.ledger.starts)) == (before, requests)
    # Said again in another spelling of the same origin.
    again = f"{FOREIGN.upper().replace('HTTPS', 'https')}:443"
    assert named_by(nights, run).settings(again, {}).endpoint == FOREIGN


@pytest.mark.parametrize(
    ("endpoint", "is_known"),
    [
        ("https://management.azure.com", True),
        ("https://MANAGEMENT.azure.com:443", True),
        ("https://management.usgovcloudapi.net", True),
        ("https://management.chinacloudapi.cn", True),
        ("http://127.0.0.1:8080", True),
        ("http://localhost:1", True),
        ("https://[::1]:1", True),
        ("https://management.azure.com:8443", False),
        ("https://management.azure.com.evil.example", False),
        ("https://evil-management.azure.com", False),
        ("https://localhost.evil.example", False),
        ("https://10.0.0.1", False),
    ],
)
def test_the_known_endpoints_are_azure_s_own_over_https_and_loopback(
    nights: Nights, endpoint: str, is_known: bool
) -> None:
    run = stopped(nights)
    with_asked(run, endpoint=endpoint)
    with_facts(run, lambda facts: _set_endpoint(facts, endpoint))
    if is_known:
        assert named_by(nights, run).settings(None, {}).endpoint == endpoint
    else:
        with pytest.raises(CannotResumeError, match="which would get the token"):
            named_by(nights, run).settings(None, {})


@pytest.mark.parametrize("where", ["settings", "selection", "journal"])
def test_a_run_whose_files_tell_two_endpoints_is_refused(nights: Nights, where: str) -> None:
    run = stopped(nights)
    if where == "journal":
        with_asked(run, endpoint="http://127.0.0.1:9")
    else:
        with_facts(run, lambda facts: facts[where].update(endpoint="http://127.0.0.1:9"))
    before = contents(run)
    for endpoint in (None, "http://127.0.0.1:9", ENDPOINT):
        with pytest.raises(CannotResumeError, match=r"its run\.json and its journal say two "):
            nights.resume(str(run), endpoint=endpoint)
    assert contents(run) == before


def test_a_run_json_that_is_missing_or_damaged_leaves_the_run_s_own_vms_and_default_settings(
    nights: Nights,
) -> None:
    for spoil in (Path.unlink, lambda path: path.write_text("{"), lambda path: path.write_text("[]")):
        nights.clock.now += DAY_S
        run = stopped(nights, limit=15, group_by=("tag:owner",))
        spoil(run / "run.json")
        summary = nights.resume(None)
        assert (summary.exit_code, summary.directory, summary.totals["listed"]) == (0, run, 15)
        assert nights.warnings[0].startswith(f"{run} cannot be read as a run: ")
        assert nights.warnings[0].endswith(": the settings of how to scan are the defaults")
        assert read_run(run).facts["settings"]["limit"] == 15


@pytest.mark.parametrize("at_write", range(1, 9))
def test_a_run_that_was_killed_in_its_first_writes_goes_on_or_says_why_not(
    nights: Nights, at_write: int
) -> None:
    nights.killed(at_write=at_write)
    run = nights.runs / nights.names[0]
    if at_write == 1:
        # Not even the first line was written.
        with pytest.raises(CannotResumeError, match="the first line of its journal does not say how it"):
            nights.resume(str(run))
        return
    summary = nights.resume(str(run))
    assert (summary.exit_code, summary.totals["listed"], nights.starts) == (0, 20, {1})


HOSTILE: list[dict[str, object]] = [
    {"drain_s": "20"},
    {"drain_s": [1]},
    {"drain_s": -1},
    {"deadline_s": 1e300},
    {"max_in_flight": 10**18},
    {"max_in_flight": True},
    {"rate_share": {"a": {"b": [[[]]]}}},
    {"group_by": "tag:owner"},
    {"group_by": [["tag:owner"]]},
    {"group_by": ["tag:a", "TAG:A"]},
    {"api_version": "../../x"},
    {"last_run": "a\0b"},
    {"last_run": "\ud800"},
    {"last_run": "x" * 100_000},
    {"runs": "\n"},
    {"runs": 3},
    {"quiet": "yes"},
    {"a_later_setting": {"x": 1}},
    {"out": "/etc", "resume": "x", "runs": "/"},
    {"out": 5, "resume": False},
]


def test_a_hostile_setting_of_how_to_scan_is_passed_over_and_the_run_stays_where_it_is(
    nights: Nights,
) -> None:
    run = stopped(nights)
    facts = (run / "run.json").read_bytes()
    for settings in HOSTILE:
        (run / "run.json").write_bytes(facts)
        with_facts(run, lambda facts, settings=settings: facts["settings"].update(settings))  # type: ignore[misc]
        named = named_by(nights, run)
        made = named.settings(None, {})
        # A directory of runs that the run does not lie in, and an older run that cannot be read, do no harm.
        assert (made.out, made.resume, made.runs) == (str(run), True, made.runs and str(nights.runs))
        wrong = settings.keys() - {"a_later_setting", "out", "resume"}
        assert all(getattr(made, name) == getattr(Settings(), name) for name in wrong) or not named.warnings
        assert all(each.startswith("in the run's run.json, ") for each in named.warnings)
    (run / "run.json").write_bytes(facts)
    everything: dict[str, object] = {}
    for settings in HOSTILE:
        everything |= settings
    with_facts(run, lambda facts: facts["settings"].update(everything))
    summary = nights.resume(str(run), deadline_s=HOUR_S)
    assert (summary.exit_code, summary.directory, nights.starts) == (0, run, {1})


@pytest.mark.parametrize(
    "asked",
    [
        {"endpoint": "http://evil.example"},
        {"endpoint": 5},
        {"endpoint": "https://management.azure.com/../evil"},
        {"limit": "3"},
        {"limit": [1]},
        {"subscription": "s"},
        {"subscription": [["s"]]},
        {"inventory": 3},
        {"inventory": "a\0b"},
        {"retry_skipped": "x"},
        {"retry_skipped": True},
        {"retry_failed": "a", "inventory": "b"},
    ],
    ids=str,
)
def test_a_hostile_selection_is_refused_in_a_sentence_and_nothing_is_sent(
    nights: Nights, asked: dict[str, object]
) -> None:
    run = stopped(nights)
    with_asked(run, **asked)
    with_facts(run, lambda facts: (facts["settings"].update(asked), facts["selection"].update(asked)))
    before, starts = contents(run), dict(nights.cloud.ledger.starts)
    with pytest.raises(UsageError) as refused:
        nights.resume(str(run), endpoint=str(asked.get("endpoint", ENDPOINT)))
    assert refused.value.exit_code == 2
    assert (contents(run), dict(nights.cloud.ledger.starts)) == (before, starts)


def test_a_selection_that_this_version_does_not_know_is_refused(nights: Nights) -> None:
    run = stopped(nights)
    with_asked(run, zone="1", a_later_one=None)
    with pytest.raises(CannotResumeError, match="settings that this version does not know: zone; use "):
        nights.resume(str(run))


def test_a_run_of_a_later_version_is_refused(nights: Nights) -> None:
    run = stopped(nights)
    with_facts(run, lambda facts: facts.update(schema="fleetscan.run/2"))
    with pytest.raises(CannotReadRunError, match="use the version of fleetscan that wrote it"):
        nights.resume(str(run))


def test_a_listed_run_reads_no_more_of_what_it_was_listed_from(nights: Nights, tmp_path: Path) -> None:
    file = tmp_path / "vms.txt"
    file.write_text("\n".join(machine.resource_id for machine in nights.cloud.fleet))
    run = stopped(nights, inventory=str(file))
    digest = read_run(run).facts["selection"]["inventory_sha256"]
    # A changed file is no other selection, and one that never ends is not opened.
    file.write_text("changed")
    assert nights.resume(str(run), deadline_s=0.5).exit_code == 5
    file.unlink()
    os.mkfifo(file)
    assert nights.resume(str(run), deadline_s=HOUR_S).exit_code == 0
    assert read_run(run).facts["selection"]["inventory_sha256"] == digest


def unlisted(nights: Nights, run: Path) -> None:
    """Leave of the run what a process had written that died before the listing was noted."""
    line = (run / "journal.jsonl").read_bytes().splitlines(keepends=True)[0]
    for name in ("run.json", "totals.jsonl"):
        (run / name).unlink()
    (run / "results.jsonl").write_bytes(b"")
    (run / "journal.jsonl").write_bytes(line)


def test_a_run_without_a_listing_is_listed_again_unless_what_it_was_listed_from_has_changed(
    nights: Nights, tmp_path: Path
) -> None:
    file = tmp_path / "vms.txt"
    ids = [machine.resource_id for machine in nights.cloud.fleet]
    file.write_text("\n".join(ids[:15]))
    run = stopped(nights, inventory=str(file))
    unlisted(nights, run)
    file.write_text("\n".join(ids))
    before = contents(run)
    with pytest.raises(CannotResumeError, match="its inventory file has changed since it was started"):
        nights.resume(str(run))
    file.unlink()
    with pytest.raises(UsageError, match=r"the inventory .* cannot be read"):
        nights.resume(str(run))
    assert contents(run) == before
    file.write_text("\n".join(ids[:15]))
    summary = nights.resume(str(run))
    assert (summary.exit_code, summary.totals["listed"]) == (0, 15)
    assert nights.notes[0] == f"resuming {run}, begun 2026-01-01 00:00 UTC, before its VMs were listed"


def test_a_run_without_a_listing_whose_vms_came_from_standard_input_cannot_go_on(nights: Nights) -> None:
    run = stopped(nights)
    unlisted(nights, run)
    with_asked(run, inventory="-")
    with pytest.raises(CannotResumeError, match="its VMs came from standard input, which cannot be"):
        nights.resume(str(run))


def test_a_stop_before_the_run_goes_on_says_how_to_resume_it(nights: Nights) -> None:
    run = stopped(nights)
    unlisted(nights, run)
    nights.cloud = Nights(nights.runs.parent / "other", outages=1).cloud
    with pytest.raises(FleetscanError) as early:
        nights.resume(str(run), deadline_s=0.001)
    assert early.value.exit_code == 5
    assert str(early.value) == (
        "the deadline passed before the run went on; nothing more was started; "
        f"allow more time: deadline_s; then resume with: fleetscan.resume({str(run)!r})"
    )


def test_latest_is_moved_only_where_the_run_lies_directly_under_its_runs(
    nights: Nights, tmp_path: Path
) -> None:
    run = stopped(nights)
    elsewhere = tmp_path / "elsewhere" / run.name
    shutil.copytree(run, elsewhere)
    assert nights.resume(str(elsewhere), deadline_s=HOUR_S).exit_code == 0
    assert not os.path.lexists(elsewhere.parent / "latest")
    assert not os.path.lexists(nights.runs / "latest")
    assert nights.resume(str(run), deadline_s=HOUR_S).exit_code == 0
    assert (nights.runs / "latest").resolve() == run.resolve()


def test_relative_runs_are_those_around_the_run_wherever_the_resume_is_started(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    nights.line = replace(nights.line, runs="runs")
    run = stopped(nights, last_run="runs/latest")
    shutil.copytree(run, tmp_path / "moved" / "run")
    monkeypatch.chdir(tmp_path / "other")
    nights.resume(str(tmp_path / "moved" / "run"), deadline_s=HOUR_S)
    assert os.listdir(tmp_path / "moved") == ["run"]
    # What was relative to the first process's place is not found from here, and that is said.
    assert nights.resume(str(tmp_path / run), deadline_s=HOUR_S).exit_code == 0
    assert any(each.startswith("there is no run at ") for each in nights.warnings)
    assert (tmp_path / "runs" / "latest").resolve() == (tmp_path / run).resolve()
    assert os.listdir(tmp_path / "other") == []


@pytest.mark.parametrize("deadline_s", [0.3, 0.6, 1.0, 5.0, 30.0, 100.0, 140.0, 165.0, 200.0])
def test_a_stop_tells_the_numbers_that_the_resume_tells(tmp_path: Path, deadline_s: float) -> None:
    nights = Nights(tmp_path, limits_speed=0.01, stopped_pct=20.0, faults_pct=20.0)
    line = replace(nights.line, resume=False, deadline_s=deadline_s, drain_s=0.0, max_in_flight=2)
    try:
        summary = nights.scan(line)
    except FleetscanError:
        assert deadline_s <= 5.0, "the listing takes no longer"
        return
    outcomes = summary.totals["outcomes"]
    assert summary.running + summary.not_started == outcomes["interrupted"] > 0
    assert summary.directory is not None
    story = read_journal(summary.directory / "journal.jsonl")
    assert story is not None
    assert (summary.running, len(story.ended)) == (story.followed, 20 - outcomes["interrupted"])
    words = [f"{summary.running} running"] * bool(summary.running)
    words += [f"{summary.not_started} not started"] * bool(summary.not_started)
    assert f"unfinished ({', '.join(words)}); resume with: " in str(summary.stopped_by)
    again = nights.resume(None, deadline_s=1.0)
    done, left = len(story.ended), summary.not_started
    vms = "1 VM" if done == 1 else f"{done} VMs"
    assert nights.notes[0].endswith(f": {vms} done, {summary.running} followed, {left} to start")
    story = read_journal(summary.directory / "journal.jsonl")
    assert story is not None
    assert (again.running, again.running + again.not_started) == (story.followed, 20 - len(story.ended))


def test_a_hostile_name_of_a_file_is_refused_for_every_setting_that_is_text() -> None:
    for text in ("a\0b", "\ud800"):
        with pytest.raises(UsageError, match="must be a run's directory"):
            Settings(last_run=text)
    assert Settings(last_run="caf\udce9").last_run == "caf\udce9"


def test_a_run_json_larger_than_any_is_not_read_to_its_end(nights: Nights) -> None:
    run = stopped(nights)
    with (run / "run.json").open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    assert nights.resume(str(run), deadline_s=HOUR_S).exit_code == 0
    assert "run.json is larger than any that a scan writes" in nights.warnings[0]


def test_a_directory_whose_journal_is_no_file_is_refused_and_not_waited_for(
    nights: Nights, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    os.mkfifo(out / "journal.jsonl")
    with pytest.raises(RunExistsError, match="already holds a run; name another directory with out"):
        nights.scan(replace(nights.line, resume=False, out=str(out)))


def test_a_token_that_is_refused_midway_is_an_error_that_ends_in_the_command(nights: Nights) -> None:
    run = stopped(nights)
    error = TokenRefusedError("Azure refuses the token", Remedy("get a fresh one with {out}", {"out": None}))
    totals = open_run(run).totals()
    told = told_stop(error, totals, 1, command_for(run, ENDPOINT))
    assert told is error
    assert str(told) == (
        f"Azure refuses the token; get a fresh one with out; then resume with: fleetscan.resume({str(run)!r})"
    )
