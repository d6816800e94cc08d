"""What is said to be done about a run that is not complete: each command would work.

A merged run is gone on with by its runs, one of a cluster by its driver's command, any other by a resume.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fleetscan.cluster.place import make_place
from fleetscan.cluster.whole import merge_shards
from fleetscan.runs.reader import open_run
from tests.cli.test_merge_command import here, shard, told
from tests.cluster.test_resumed_directories import begun
from tests.page.test_page_words import words_of
from tests.records.examples import assessed, failed

__all__ = ["here"]
WHOLE = "fleetscan-runs/whole"
OTHER_DIRECTORY = (
    "resume the unfinished ones among the runs that it was made of, or scan the missing one, and merge again "
    "into another directory"
)
LACKING = "runs that it was merged of are missing or were stopped: 3 VMs have no row"
Capture = pytest.CaptureFixture[str]


def merged_of_one(capsys: Capture) -> str:
    """A merge without the second shard, whose three VMs the first one counted."""
    shard(1, assessed(), assessed(), failed())
    assert told(capsys, "merge", "-q", "20261121", "--out", WHOLE)[0] == 5
    return WHOLE


def stopped(capsys: Capture) -> str:
    """A scan that was stopped."""
    return str(shard(1, assessed(), None, failed(), end="stopped"))


def page_words(capsys: Capture, path: str) -> str:
    """What the page of the run says."""
    assert told(capsys, "report", path, "--html", "page.html")[0] == 0
    return words_of(Path("page.html").read_text(encoding="utf-8"))


def test_every_view_says_that_runs_are_missing(capsys: Capture) -> None:
    path = merged_of_one(capsys)
    assert open_run(Path(path)).incomplete == [LACKING]
    assert LACKING in json.loads(told(capsys, "report", path, "--format", "json")[1])["partial"]
    assert LACKING in told(capsys, "report", path, "--format", "markdown")[1]
    assert LACKING in re.sub(r"\s+", " ", told(capsys, "report", path)[1])
    assert f"PARTIAL: {LACKING}" in told(capsys, "show", path)[2]
    assert LACKING[1:] in page_words(capsys, path)
    assert "the run was stopped" not in page_words(capsys, path)


def test_lost_sums_of_a_merged_run_do_not_say_that_it_was_stopped(capsys: Capture) -> None:
    path = Path(merged_of_one(capsys))
    (path / "totals.jsonl").unlink()
    said = open_run(path).incomplete
    assert said == ["runs that it was merged of are missing or were stopped, and its totals cannot be read"]


def test_a_merged_run_is_not_resumed_and_not_retried_before_it_is_whole(capsys: Capture) -> None:
    path = merged_of_one(capsys)
    to_do = f"{OTHER_DIRECTORY}, then retry it with"
    for said in (told(capsys, "show", path, "--failed")[2], page_words(capsys, path)):
        assert to_do in said
        assert f"--retry-failed {path}" not in said
    assert "fleetscan resume" not in page_words(capsys, path)
    assert f"To do: {OTHER_DIRECTORY}" in page_words(capsys, path)
    rows = json.loads(told(capsys, "show", path, "--failed", "--format", "json")[1].splitlines()[0])
    assert to_do in json.dumps(rows)
    record = json.loads(told(capsys, "report", path, "--format", "json")[1])
    assert to_do in record["not_assessed"][0]["to_do"]


def test_a_stopped_run_is_resumed_before_it_is_retried(capsys: Capture) -> None:
    path = stopped(capsys)
    first = f"complete the run with `fleetscan resume {path}`, then retry it with `fleetscan scan"
    assert f"{first} --retry-failed {path}`" in told(capsys, "show", path, "--failed")[2]
    assert f"fleetscan resume {path}" in page_words(capsys, path).partition("To do: ")[2]


def test_a_complete_run_is_retried_at_once(capsys: Capture) -> None:
    path = str(shard(1, assessed(), failed()))
    said = told(capsys, "show", path, "--failed")[2]
    assert f" retry it with `fleetscan scan --retry-failed {path}`" in said
    assert "complete the run" not in said


@pytest.mark.parametrize("end", [merge_shards, lambda place: None])
def test_a_scan_on_a_cluster_is_gone_on_with_by_its_own_command(
    end: Callable[..., object], capsys: Capture
) -> None:
    place = begun(Path("on cluster"), "stopped")
    end(place)
    command = "fleetscan scan --engine dask ... --resume --out 'on cluster'"
    code, _, words = told(capsys, "resume", "./on cluster")
    assert (code, words.rstrip().endswith(command)) == (2, True), words


def test_what_is_said_of_a_merged_run_of_a_cluster_names_its_command(capsys: Capture) -> None:
    path = merged_of_one(capsys)
    (Path(path) / "shards").mkdir()
    make_place(Path(path), "1", 2)
    command = f"go on with the command that began it: fleetscan scan --engine dask ... --resume --out {path}"
    code, _, words = told(capsys, "scan", "--retry-failed", path)
    assert (code, f"; {command}\n" in words) == (2, True), words
    said = page_words(capsys, path)
    assert f"To do: {command}" in said
    assert f"{command} , then retry it with fleetscan scan --retry-failed {path}" in said
    assert "fleetscan resume" not in said
