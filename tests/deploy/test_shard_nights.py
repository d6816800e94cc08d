"""The files in deploy/ that scan in shards, run for two nights: shards side by side, and their merge.

Two shards stand for as many as a file has. In the second night one of them is killed, and its place taken.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from anyio.from_thread import start_blocking_portal

from fleetscan.simulator import Cloud, Scenario, serve
from tests.deploy import shard_files as shards
from tests.deploy.test_two_nights import (
    LONG_S,
    Machine,
    identity_tokens,
    nightly,
    until_accepted,
)

FLEET = Scenario(
    machines=12, subscriptions=6, speed=2000.0, limits_speed=0.0, failing_pct=15.0, durations="regular"
)
COMPLETE = (0, 3)
SHARDS = 2

__all__ = ["identity_tokens"]


@pytest.fixture(scope="module")
def azure() -> Iterator[str]:
    """The endpoint of a simulated Azure that serves every night."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serve(Cloud(FLEET))) as endpoint,
    ):
        yield endpoint


def ended(process: subprocess.Popen[str]) -> int:
    """Its exit code."""
    _, said = process.communicate(timeout=LONG_S)
    assert "Traceback" not in said, said
    return process.returncode


def facts(run: Path) -> dict[str, Any]:
    """Its run.json."""
    told: dict[str, Any] = orjson.loads((run / "run.json").read_bytes())
    return told


def merged_run(machine: Machine, night: str) -> Path:
    """The night's only merged run. Its name begins with the time when the night's merge began."""
    [run] = (
        path
        for path in (machine.state / "fleetscan-runs").glob("2*")
        if Path(facts(path)["sources"][0]["path"]).parent.name == night
    )
    began = (machine.state / "nights" / night / "began").stat().st_mtime
    assert run.name.startswith(time.strftime("%Y%m%dT%H%M%SZ-", time.gmtime(began)))
    return run


def assert_merged(machine: Machine, run: Path) -> None:
    """The night is one run of both shards, each VM of which was started once at most."""
    told = facts(run)
    assert [source["shard"] for source in told["sources"]] == ["1/2", "2/2"]
    assert min(source["rows"] for source in told["sources"]) > 0
    assert sum(source["rows"] for source in told["sources"]) == 12
    ids = [orjson.loads(line)["resource_id"] for line in (run / "results.jsonl").read_bytes().splitlines()]
    assert len(set(ids)) == len(ids) == 12
    journals = [Path(machine.state, source["path"], "journal.jsonl") for source in told["sources"]]
    assert sum(path.read_text().count('"event":"accepted"') for path in journals) <= 12


def assert_nights(machine: Machine, first: str, second: str) -> None:
    """Two merged nights that a report takes as such: `latest` is the second, and the history has both."""
    merged = [merged_run(machine, night) for night in (first, second)]
    for run in merged:
        assert_merged(machine, run)
    assert (machine.state / "fleetscan-runs" / "latest").resolve() == merged[1].resolve()
    report = machine.output("report", "latest", "--history", "fleetscan-runs/history.db", "--format", "json")
    assert [night["scan_id"] for night in report["trend"]] == [facts(run)["scan_id"] for run in merged]


def killed(machine: Machine, words: list[str], more: dict[str, str], night: Path) -> None:
    """A shard that is killed once an assessment runs, as for want of memory."""
    with machine.started(words, more | {"FLEETSCAN_FIRST_POLL": "10m"}) as process:
        until_accepted(night, "*")
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=LONG_S)
    assert process.returncode == -signal.SIGKILL


def cluster(tmp_path: Path, azure: str) -> tuple[Machine, list[str]]:
    """A volume that all pods share, with the file of settings in its place, and what a pod runs."""
    machine = Machine(tmp_path, azure)
    data = shards.manifest("ConfigMap")["data"]
    machine.settings("")
    place = tmp_path / "etc/fleetscan"
    for name, text in data.items():
        (place / name).write_text(text.replace("/etc/fleetscan", str(place)))
    [container] = shards.pod_job()["template"]["spec"]["containers"]
    words: list[str] = container["command"]
    return machine, words


def test_the_pods_of_an_indexed_job(azure: str, tmp_path: Path) -> None:
    machine, words = cluster(tmp_path, azure)

    def pod(index: int, night: str) -> subprocess.Popen[str]:
        return machine.started(words, pod_environment(index, night))

    for night in ("fleetscan-29000000", "fleetscan-29001440"):
        if night == "fleetscan-29001440":
            killed(machine, words, pod_environment(0, night), machine.state / "nights" / night)
        pods = [pod(index, night) for index in range(SHARDS + 1)]
        assert {ended(each) for each in pods} <= set(COMPLETE)
        # One that takes the merge's place when all is done changes nothing.
        assert ended(pod(SHARDS, night)) == 0
    assert_nights(machine, "fleetscan-29000000", "fleetscan-29001440")


def pod_environment(index: int, night: str) -> dict[str, str]:
    """What a pod has besides; the index is what the Job's controller sets."""
    own = {"SHARDS": str(SHARDS), "JOB_COMPLETION_INDEX": str(index), "NIGHT": night}
    return shards.pod_environment() | own | {"FLEETSCAN_AUTH": "default"}


def test_the_merging_pod_says_what_a_shard_left_out_and_stops_when_it_is_told_to(
    azure: str, tmp_path: Path
) -> None:
    machine, words = cluster(tmp_path, azure)
    night = "fleetscan-29000000"
    assert ended(machine.started(words, pod_environment(0, night))) in COMPLETE
    with machine.started(words, pod_environment(SHARDS, night)) as waiting:
        process_waits(machine.state / "nights" / night / "began")
        waiting.send_signal(signal.SIGTERM)
        waiting.communicate(timeout=LONG_S)
    assert waiting.returncode == 143
    overdue = pod_environment(SHARDS, night) | {"MERGE_AFTER_MIN": "-1"}
    assert ended(machine.started(words, overdue)) == 5
    told = facts(merged_run(machine, night))
    assert [source["shard"] for source in told["sources"]] == ["1/2"]
    # What is not whole is neither removed nor in the history, and `latest` does not follow it.
    assert (machine.state / "nights" / night / "0").exists()
    assert not (machine.state / "fleetscan-runs" / "latest").exists()


def process_waits(began: Path) -> None:
    """Wait until the merging pod does."""
    until = time.monotonic() + LONG_S
    while not began.exists():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_the_jobs_of_container_apps(azure: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path, azure)
    machine.settings("")
    # The night is the day by UTC; the time of a file is its own.
    programs = tmp_path / "programs"
    programs.mkdir()
    of_a_file = f'case "$*" in *-r*) exec {shutil.which("date")} "$@" ;; esac'
    (programs / "date").write_text(f"#!/bin/sh\n{of_a_file}\necho $TODAY\n")
    (programs / "date").chmod(0o755)
    path = f"{programs}:{machine.environment({})['PATH']}"
    scan, merge = (["sh", "-c", shards.app_script(name)] for name in ("scan", "merge"))

    for today in ("2026-11-27", "2026-11-28"):
        told = {"PATH": path, "TODAY": today, "SHARDS": str(SHARDS), "MERGE_AFTER_MIN": "300"}
        if today == "2026-11-28":
            killed(machine, scan, told | {"SHARD": "1/2"}, machine.state / "nights" / today)
        jobs = [machine.started(scan, told | {"SHARD": f"{number}/2"}) for number in (1, 2)]
        last = machine.started(merge, told)
        assert {ended(each) for each in jobs} <= set(COMPLETE)
        assert ended(last) == 0
    assert_nights(machine, "2026-11-27", "2026-11-28")


@pytest.mark.skipif(None in map(shutil.which, ("curl", "jq", "bash")), reason="it needs curl, jq and bash")
def test_the_matrix_of_github(azure: str, tmp_path: Path, identity_tokens: str) -> None:
    whole, summary = Machine(tmp_path / "whole", azure), tmp_path / "summary.md"
    whole.settings("")
    (whole.state / "configs").mkdir()
    (whole.state / "configs" / "nightly.toml").write_text(nightly())
    shell = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
    [(_, scan)] = shards.workflow_scripts("scan")
    for night in ("night-1-1", "night-2-1"):
        for number in (1, 2):
            runner = Machine(tmp_path / night / f"runner-{number}", azure)
            runner.settings("")
            told = {
                "SHARD": str(number),
                "SHARDS": str(SHARDS),
                "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / f"token-{night}-{number}"),
                "ACTIONS_ID_TOKEN_REQUEST_URL": identity_tokens,
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-this-job",
            }
            if night == "night-2-1" and number == 1:
                # The first attempt keeps what it has, and the second brings it back.
                cut_short = told | {"FLEETSCAN_FIRST_POLL": "10m", "FLEETSCAN_DRAIN": "0s"}
                with pytest.raises(AssertionError, match="exit 5"):
                    runner.run_script(scan.replace("--deadline 5h", "--deadline 1s"), cut_short, *shell)
            runner.run_script(scan, told, *shell)
            # Each shard's artifact has the directory of its own.
            shutil.copytree(runner.state / "shards", whole.state / "shards", dirs_exist_ok=True)
        for _, script in shards.workflow_scripts("merge"):
            whole.run_script(script, {"NIGHT": night, "GITHUB_STEP_SUMMARY": str(summary)}, *shell)
        [merged] = (whole.state / "fleetscan-runs").glob(f"2*-{night}")
        assert re.match(r"\d{8}T\d{6}Z-", merged.name)
        assert [source["shard"] for source in facts(merged)["sources"]] == ["1/2", "2/2"]
        shutil.rmtree(whole.state / "shards")
    assert (whole.state / "report.html").stat().st_size > 10_000
    assert "## Patches" in summary.read_text()
    assert not list(tmp_path.glob("token-*"))
