"""The metrics file: a run's figures, the last success of the file before, and never an exit code."""

from __future__ import annotations

import json
import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from prometheus_client.parser import text_string_to_metric_families

import fleetscan
from fleetscan.records.fleet_facts import RequestCounts
from fleetscan.scanner import metrics
from fleetscan.scanner.hooks import Conclusion, Hooks
from fleetscan.scanner.metrics import keep_metrics
from fleetscan.telemetry.figures import Figure
from fleetscan.telemetry.metrics_file import MOST_BYTES, last_success_in, write_figures
from tests.cli.processes import NONE_ASSESSED, NOTHING, begun, ended, scanning, simulation, spoken
from tests.face.test_live_scan import azure, nothing_left_behind, settings_for
from tests.strict_reader import read_run

SUCCESS = "fleetscan_last_success_timestamp_seconds"


class Warnings(Hooks):
    """Keeps what is warned of and how it ended."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.ends: list[Conclusion] = []

    def warning(self, sentence: str, remedy: Any = None) -> None:
        self.warnings.append(sentence)

    def concluded(self, conclusion: Conclusion) -> None:
        self.ends.append(conclusion)


def samples(path: Path) -> dict[str, float]:
    """Each series of the file by its name and label."""
    families = text_string_to_metric_families(path.read_text())
    return {
        f"{sample.name}{'/' if sample.labels else ''}{''.join(sample.labels.values())}": sample.value
        for family in families
        for sample in family.samples
    }


def conclusion(code: int) -> Conclusion:
    return Conclusion(code, None, None, RequestCounts().told(), None)


def test_a_run_s_figures_are_those_of_its_totals(tmp_path: Path) -> None:
    file, out = tmp_path / "fleetscan.prom", tmp_path / "run"
    with simulation(NOTHING, "--failing-pct", "60", "--seed", "5") as endpoint:
        code, _, words = ended(begun(NOTHING, *scanning(endpoint, out), "--metrics-file", str(file)))
    totals, found = read_run(out).totals[0], samples(file)
    assert code == found["fleetscan_exit_code"] == 3, words
    for outcome, number in totals["outcomes"].items():
        assert found[f"fleetscan_vms/{outcome}"] == number
    for kind in ("list", "start", "poll", "other"):
        assert found[f"fleetscan_requests/{kind}"] == totals["requests"][kind]
    assert found["fleetscan_requests_throttled"] == totals["requests"]["throttled"]
    assert found["fleetscan_missing_patches/critical_and_security"] == totals["critical_and_security_count"]
    assert found["fleetscan_missing_patches/other"] == totals["other_count"]
    assert found["fleetscan_coverage_ratio"] == pytest.approx(totals["coverage_pct"] / 100)
    assert found["fleetscan_compliance_ratio"] == pytest.approx(totals["compliance_pct"] / 100)
    assert found["fleetscan_duration_seconds"] == totals["duration_s"]
    assert found[SUCCESS] == found["fleetscan_last_run_timestamp_seconds"] > 1_700_000_000
    assert os.listdir(tmp_path) == [file.name, "run"] or sorted(os.listdir(tmp_path)) == [file.name, "run"]


def test_a_run_that_assessed_no_vm_has_no_series_of_what_vms_miss(tmp_path: Path) -> None:
    file, out = tmp_path / "f.prom", tmp_path / "run"
    with simulation(NOTHING, *NONE_ASSESSED) as endpoint:
        ended(begun(NOTHING, *scanning(endpoint, out), "--metrics-file", str(file)))
    assert read_run(out).totals[0]["outcomes"]["assessed"] == 0
    found = samples(file)
    assert not [name for name in found if "missing" in name or "reboot" in name]
    assert (found["fleetscan_vms_listed"], found["fleetscan_vms/assessed"]) == (7, 0)
    assert found["fleetscan_coverage_ratio"] == 0


async def test_the_number_of_series_is_the_same_for_every_fleet(tmp_path: Path) -> None:
    counts = set()
    for machines in (1, 60):
        async with azure(machines) as (_, endpoint):
            file = tmp_path / f"{machines}.prom"
            settings = settings_for(endpoint, metrics_file=str(file), group_by=("tag:owner",))
            async with fleetscan.scan(settings, credential="sesame") as live:
                await live.finish()
        counts.add(len(samples(file)))
        assert "/subscriptions/" not in file.read_text()
    # docs/every-night.md says so.
    assert counts == {26}


@pytest.mark.parametrize(
    ("code", "is_success"), [(0, True), (1, True), (3, True), (2, False), (4, False), (5, False), (70, False)]
)
def test_the_last_success_is_kept_where_a_run_is_none(code: int, is_success: bool, tmp_path: Path) -> None:
    file = tmp_path / "f.prom"
    write_figures(file, [], 1000.5, is_success=True)
    keep_metrics(str(file), conclusion(code), Warnings())
    found = samples(file)
    assert (found[SUCCESS] == 1000.5) is not is_success
    assert found["fleetscan_exit_code"] == code
    assert found["fleetscan_complete"] == is_success
    # What is not known has no series.
    assert not [name for name in found if name.startswith("fleetscan_vms")]


def test_a_run_that_was_finished_before_is_no_new_success(tmp_path: Path) -> None:
    file, out = tmp_path / "f.prom", tmp_path / "run"
    with simulation() as endpoint:
        line = *scanning(endpoint, out), "--metrics-file", str(file), "--resume"
        assert ended(begun(NOTHING, *line))[0] == 0
        first = samples(file)
        assert ended(begun(NOTHING, *line))[0] == 0
    assert samples(file) == first


def test_a_resumed_run_writes_no_file_that_only_its_own_files_name(tmp_path: Path) -> None:
    out, theirs, mine = tmp_path / "run", tmp_path / "theirs", tmp_path / "mine"
    with simulation() as endpoint:
        assert (
            ended(
                begun(
                    NOTHING,
                    *scanning(endpoint, out),
                    "--first-poll",
                    "3s",
                    "--deadline",
                    "1s",
                    "--drain",
                    "0s",
                )
            )[0]
            == 5
        )
        facts = json.loads((out / "run.json").read_bytes())
        facts["settings"] |= {"metrics_file": str(theirs), "log_format": "json", "otel": True}
        (out / "run.json").write_text(json.dumps(facts))
        code, _, words = ended(
            begun(NOTHING, "resume", str(out), "--deadline", "1m", "--metrics-file", str(mine))
        )
    assert (code, theirs.exists(), mine.exists()) == (0, False, True)
    assert spoken(words).startswith("fleetscan ")


def test_without_an_earlier_file_a_failed_run_tells_of_no_success(tmp_path: Path) -> None:
    keep_metrics(str(tmp_path / "f.prom"), conclusion(4), Warnings())
    assert SUCCESS not in samples(tmp_path / "f.prom")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"fleetscan_last_success_timestamp_seconds\n",
        b"fleetscan_last_success_timestamp_seconds x\n",
        b'fleetscan_last_success_timestamp_seconds{a="} 1\n',
        b"x 1\n" * (MOST_BYTES // 2),
    ],
)
def test_a_damaged_file_is_written_anew(content: bytes, tmp_path: Path) -> None:
    file, heard = tmp_path / "f.prom", Warnings()
    file.write_bytes(content)
    assert last_success_in(file) is None
    keep_metrics(str(file), conclusion(4), heard)
    assert (samples(file)["fleetscan_exit_code"], heard.warnings) == (4, [])


@pytest.mark.parametrize("where", ["directory", "missing", "file"])
def test_a_file_that_cannot_be_written_is_a_warning_and_leaves_nothing_behind(
    where: str, tmp_path: Path
) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").write_text("")
    path = tmp_path / where if where == "directory" else tmp_path / where / "f.prom"
    before, heard = sorted(os.walk(tmp_path)), Warnings()
    keep_metrics(str(path), conclusion(0), heard)
    [warning] = heard.warnings
    assert warning.startswith(f"the metrics file {path} cannot be written: ")
    assert sorted(os.walk(tmp_path)) == before


def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "f.prom")
    keep_metrics(str(tmp_path / "f.prom"), conclusion(0), heard := Warnings())
    assert heard.warnings == []
    assert samples(tmp_path / "f.prom")["fleetscan_exit_code"] == 0


def test_a_file_system_that_does_not_answer_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def hang(path: Path, found: list[Figure], at: float, is_complete: bool, failed: list[str]) -> None:
        answered.wait(30.0)

    monkeypatch.setattr(metrics, "_write", hang)
    monkeypatch.setattr(metrics, "WITHIN_S", 0.01)
    keep_metrics("f.prom", conclusion(0), heard := Warnings())
    answered.set()
    assert heard.warnings == ["the metrics file f.prom cannot be written: no answer within 0 s"]


def test_what_cannot_be_written_changes_no_exit_code(tmp_path: Path) -> None:
    with simulation() as endpoint:
        line = *scanning(endpoint, tmp_path / "run"), "--metrics-file", str(tmp_path / "gone" / "f.prom")
        code, _, words = ended(begun(NOTHING, *line))
    assert code == 0
    assert "warning: the metrics file " in words
    assert words.splitlines()[-1].partition(" info: ")[2].startswith("exit 0 (complete)")


async def test_a_python_program_gets_the_file_and_the_end_once_also_where_the_block_breaks(
    tmp_path: Path,
) -> None:
    file, heard = tmp_path / "f.prom", Warnings()
    async with azure(speed=1.0) as (_, endpoint):
        settings = settings_for(endpoint, metrics_file=str(file))
        with nothing_left_behind(), suppress(ValueError):
            async with fleetscan.scan(settings, credential="sesame", hooks=heard):
                await anyio.sleep(0.5)
                raise ValueError("mine")
        assert [end.exit_code for end in heard.ends] == [5]
        assert samples(file)["fleetscan_exit_code"] == 5
        async with fleetscan.scan(settings, credential="sesame", hooks=heard) as live:
            live.stop()
    assert [end.exit_code for end in heard.ends] == [5, 5]


async def test_a_scan_that_is_refused_writes_the_file_too(tmp_path: Path) -> None:
    file, heard, out = tmp_path / "f.prom", Warnings(), tmp_path / "run"
    out.mkdir()
    (out / "journal.jsonl").write_text("{}\n")
    settings = fleetscan.Settings(out=str(out), metrics_file=str(file))
    with pytest.raises(fleetscan.UsageError):
        async with fleetscan.scan(settings, credential="sesame", hooks=heard):
            pass
    assert [end.exit_code for end in heard.ends] == [2]
    assert samples(file)["fleetscan_exit_code"] == 2


def test_a_stopped_process_and_one_that_is_cut_off_write_it_too(tmp_path: Path) -> None:
    with simulation(NOTHING, "--speed", "1") as endpoint:
        for number, code in ((signal.SIGTERM, 5), (signal.SIGINT, 130)):
            file, out = tmp_path / f"{code}.prom", tmp_path / str(code)
            drain = "1s" if code == 5 else "1h"
            more = "--drain", drain, "--metrics-file", str(file)
            process = begun(NOTHING, *scanning(endpoint, out), *more)
            assert process.stderr is not None
            while "7 VMs in" not in process.stderr.readline():
                assert process.poll() is None
            process.send_signal(number)
            if code == 130:
                while "Stopping." not in process.stderr.readline():
                    assert process.poll() is None
                process.send_signal(number)
            assert ended(process)[0] == code
            found = samples(file)
            assert found["fleetscan_exit_code"] == code
            assert found["fleetscan_requests/list"] > 0
            assert SUCCESS not in found
