"""`fleetscan merge` as people use it: exit codes, words, `latest`, and what others make of its run."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest

from fleetscan.cli.main import run
from fleetscan.model import Ending, Target
from fleetscan.records.run import ShardSubscription
from fleetscan.runs.journal import JournalFile
from tests.merging.shard_runs import BEGAN_AT_S, Made, id_of, subscription_id, write
from tests.records.examples import assessed, failed, machine

RUNS = Path("fleetscan-runs")
SEEN = [
    ShardSubscription(subscription_id=subscription_id(number), name=f"Sub {number}", vms=3, shard=number)
    for number in (1, 2)
]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own, and nothing is set."""
    for name in [name for name in os.environ if name.startswith("FLEETSCAN_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, data and words."""
    code = run(arguments)
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def vms(subscription: int, ends: list[Ending | None]) -> list[tuple[Target, Ending | None]]:
    """VMs of a subscription that ended so."""
    made = []
    for number, ending in enumerate(ends):
        target = machine(f"vm-{number}-{subscription}", subscription_id=subscription_id(subscription))
        made.append((target, ending))
    return made


def shard(number: int, *ends: Ending | None, **more: object) -> Path:
    """A shard of two, under its own name."""
    made = Made(
        f"{number}d000000-0000-4000-8000-000000000000",
        vms(number, [*ends]),
        shard=(number, 2, "subscription"),
        seen=SEEN,
    )
    for name, value in more.items():
        setattr(made, name, value)
    return write(RUNS / f"2026112{number}T020000Z-{number}d000000", made)


def test_whole_shards_merge_with_a_summary_and_latest_follows(capsys: pytest.CaptureFixture[str]) -> None:
    shard(1, assessed(), assessed(), assessed())
    shard(2, assessed(), assessed(), failed())
    code, data, words = told(capsys, "merge", "20261121", "2d00", "--out", "fleetscan-runs/whole")
    assert (code, data) == (3, "")
    assert "6 VMs listed, 5 assessed" in words
    assert "fleetscan show fleetscan-runs/whole --failed" in words
    assert "error" not in words
    assert os.readlink(RUNS / "latest") == "whole"
    assert {path.name: path.stat().st_mode & 0o777 for path in (RUNS / "whole").iterdir()} == dict.fromkeys(
        ("results.jsonl", "run.json", "totals.jsonl"), 0o600
    )
    # The shards began later or at once; the merged run stands for them.
    code, data, words = told(capsys, "report", "--format", "json")
    assert (code, json.loads(data)["fleet"]["listed"]) == (0, 6)
    assert words.rstrip().endswith(": fleetscan-runs/whole")


def test_quiet_says_nothing_of_a_whole_run(capsys: pytest.CaptureFixture[str]) -> None:
    shard(1, assessed())
    shard(2, assessed())
    assert told(capsys, "merge", "-q", "20261121", "20261122", "--out", "whole") == (0, "", "")


def test_an_unfinished_shard_is_told_with_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    shard(1, assessed(), None, None, end="stopped")
    code, _, words = told(capsys, "merge", "--quiet", "20261121", "--out", "fleetscan-runs/whole")
    assert code == 5
    assert words == (
        "fleetscan: error: shard 2/2 is not among the runs: 3 VMs of the scan are missing; resume or scan "
        "what is missing, and merge again into another directory with --out\n"
        "  shard 1/2 (20261121) was stopped: 2 VMs have no row\n"
        "  fleetscan resume fleetscan-runs/20261121T020000Z-1d000000\n"
    )
    assert (
        told(capsys, "merge", "20261121", "--out", "again")[2].count("shard 2/2 is not among the runs") == 1
    )
    assert not (RUNS / "latest").exists()
    code, data, words = told(capsys, "report")
    assert code == 0
    assert words.rstrip().endswith("NOT COMPLETE: it was stopped, the whole fleet: fleetscan-runs/whole")
    assert "fleetscan resume" not in data
    assert "shard 2/2 is not among the runs" in re.sub(r"\s+", " ", data)


@pytest.mark.skipif(os.name == "nt", reason="a locked journal cannot be read there")
def test_a_shard_that_still_runs_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    shard(1, assessed())
    holder = JournalFile.reopen(shard(2, assessed(), None, end="killed") / "journal.jsonl")
    try:
        code, _, words = told(capsys, "merge", "-q", "1d00", "2d00", "--out", "whole")
    finally:
        holder.close()
    assert code == 5
    assert words == (
        "fleetscan: error: shard 2/2 (2d00) is still running: 1 VM has no row; wait for what still runs, "
        "resume or scan what is missing, and merge again into another directory with --out\n"
    )


def test_what_was_merged_is_not_resumed(capsys: pytest.CaptureFixture[str]) -> None:
    path = shard(1, assessed(), None, end="stopped", began_at_s=time.time() - 90_000)
    told(capsys, "merge", "--quiet", "20261121", "--out", "fleetscan-runs/whole")
    code, _, words = told(capsys, "resume", "fleetscan-runs/whole")
    assert code == 2
    assert words.endswith(
        "fleetscan-runs/whole cannot be resumed: it was merged of other runs; resume the unfinished ones "
        "among the runs that it was made of, or scan the missing one, and merge again into another "
        "directory\n"
    )
    code, _, words = told(capsys, "resume")
    assert (code, f"resume with: fleetscan resume {path}" in words) == (2, True)
    code, _, words = told(
        capsys, "scan", "--resume", "--resume-within", "300d", "--out", "fleetscan-runs/whole"
    )
    assert (code, "it was merged of other runs" in words) == (2, True)
    code, _, words = told(capsys, "scan", "--retry-failed", "fleetscan-runs/whole")
    assert (code, "resume the unfinished ones among the runs" in words) == (2, True)


def test_what_a_merged_run_was_made_of_is_no_newer_run(capsys: pytest.CaptureFixture[str]) -> None:
    shard(1, assessed())
    shard(2, assessed(), None, end="killed", began_at_s=BEGAN_AT_S + 60)
    told(capsys, "merge", "-q", "1d00", "2d00", "--out", "fleetscan-runs/whole")
    _, _, words = told(capsys, "report")
    assert words.count("\n") == 1
    assert words.endswith(": fleetscan-runs/whole\n")


def test_a_whole_name_is_that_run_though_others_begin_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    shard(1, assessed())
    shard(2, assessed())
    for out in ("whole", "whole-2"):
        assert told(capsys, "merge", "-q", "1d00", "2d00", "--out", f"fleetscan-runs/{out}")[0] == 0
    code, data, words = told(capsys, "report", "whole", "--format", "json")
    assert (code, json.loads(data)["directory"]) == (0, "fleetscan-runs/whole"), words
    code, _, words = told(capsys, "report", "whol")
    assert (code, "is the beginning of several runs' ids or names: whole, whole-2" in words) == (2, True)
    # Whatever lies beside the runs is not among them.
    write(Path("fleetscan"), Made("5e000000-0000-4000-8000-000000000000", vms(1, [assessed()])))
    assert told(capsys, "report", "../fleetscan")[0] == 2


def test_a_merged_run_is_pruned_as_one_that_nothing_resumes(capsys: pytest.CaptureFixture[str]) -> None:
    shard(1, assessed(), None, end="stopped", began_at_s=time.time() - 3600)
    told(capsys, "merge", "-q", "1d00", "--out", "fleetscan-runs/whole")
    code, data, words = told(capsys, "prune", "--keep", "1ms")
    assert (code, data.startswith("removed fleetscan-runs/whole: ")) == (0, True)
    assert "20261121T020000Z-1d000000: it can still be resumed" in words
    assert not (RUNS / "whole").exists()


def test_a_newer_merged_run_that_is_not_whole_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    old = Made("0e000000-0000-4000-8000-000000000000", vms(1, [assessed()]), began_at_s=BEGAN_AT_S - 86_400)
    write(RUNS / "20261122T020000Z-0e000000", old)
    (RUNS / "latest").symlink_to("20261122T020000Z-0e000000")
    shard(1, assessed(), None, end="stopped")
    told(capsys, "merge", "--quiet", "1d00", "--out", "fleetscan-runs/whole")
    code, _, words = told(capsys, "report", "latest", "--fail-on", "failed>0")
    assert code == 5
    assert "A newer run, `" in words


def test_a_run_and_its_retry_take_the_place_of_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    base = Made("1e000000-0000-4000-8000-000000000000", vms(1, [assessed(), failed()]))
    again = vms(1, [None, assessed()])[1:]
    retry = Made(
        "2e000000-0000-4000-8000-000000000000", again, retries=base.scan_id, began_at_s=BEGAN_AT_S + 60
    )
    write(RUNS / "base", base)
    write(RUNS / "retry", retry)
    (RUNS / "latest").symlink_to("base")
    assert told(capsys, "merge", "-q", "latest", "retry", "--out", "fleetscan-runs/mended")[0] == 0
    assert os.readlink(RUNS / "latest") == "mended"
    assert json.loads(told(capsys, "report", "--format", "json")[1])["fleet"]["outcomes"]["assessed"] == 2
    assert told(capsys, "prune", "--keep", "0s", "--dry-run")[2].startswith("Kept fleetscan-runs/")


def test_every_reader_reads_a_merged_run(capsys: pytest.CaptureFixture[str]) -> None:
    shard(1, assessed(), failed())
    shard(2, assessed(), None, end="killed")
    assert told(capsys, "merge", "-q", "1d00", "2d00", "--out", "whole")[0] == 5
    for command in (
        ("report", "whole"),
        ("report", "whole", "--html", "page.html"),
        ("show", "whole", "--failed"),
        ("show", "whole", "--patches"),
        ("diff", str(RUNS / "20261121T020000Z-1d000000"), "whole"),
        ("export", "whole", "--format", "csv", "--out", "tables"),
        ("export", "whole", "--format", "sqlite", "--out", "tables"),
        ("history", "add", "whole", "--history", "history.db"),
        ("schema", "--sql", "whole"),
    ):
        code, _, words = told(capsys, *command)
        assert (command, code, "Traceback" in words) == (command, 0, False)
    assert (Path("tables") / "vm.csv").read_text().count("\n") == 4


@pytest.mark.parametrize("arguments", [(), ("--out", "-"), ("--out", "")])
def test_a_directory_has_to_be_named(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    shard(1, assessed())
    code, _, words = told(capsys, "merge", "1d00", *arguments)
    assert code == 2
    assert "--out" in words


def test_hostile_names_are_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    name = "\x1b[2J\u202e{out}\nfleetscan: all is well"
    made = Made(
        "1d000000-0000-4000-8000-000000000000", vms(1, [assessed(), None]), "stopped", (1, 2, "vm"), SEEN
    )
    bad = Target(
        id_of(subscription_id(1), name), subscription_id(1), name, name, name, name, None, None, {name: name}
    )
    made.vms = [*made.vms, (bad, assessed())]
    made.group_by = (f"tag:{name}",)
    write(Path(name), made)
    code, _, words = told(capsys, "merge", name, "--out", "whole")
    assert code == 5
    assert not {"\x1b", "\u202e"} & {*words}
    assert "\nfleetscan: all is well" not in words
    facts = json.loads(Path("whole/run.json").read_bytes())
    assert facts["sources"][0]["path"] == name
    code, _, words = told(capsys, "merge", name, name, "--out", "again")
    assert code == 2
    assert not {"\x1b", "\u202e"} & {*words}
    assert words.count("\n") == 1
