"""Real processes whose settings have bytes that are no UTF-8: files and data are valid all the same."""

from __future__ import annotations

import os
from pathlib import Path

import orjson

from tests.cli.processes import NOTHING, begun, ended, scanning, simulation
from tests.strict_reader import lines_of, read_run

BYTE = "\udcff"


def test_paths_and_tags_that_are_no_utf8_are_written_as_replacement_characters(tmp_path: Path) -> None:
    out, earlier = tmp_path / f"run-{BYTE}", tmp_path / f"earlier-{BYTE}"
    with simulation() as endpoint:
        assert ended(begun(NOTHING, *scanning(endpoint, earlier)))[0] == 0
        settings = "--inventory", str(earlier / "results.jsonl"), "--group-by", f"tag:{BYTE}"
        code, data, words = ended(begun(NOTHING, *scanning(endpoint, out), *settings, "--limit", "3"))
        again = begun(NOTHING, *scanning(endpoint, out), *settings, "--limit", "3", "--resume")
        resumed_code, _, resumed_words = ended(again)
    assert (code, data) == (0, ""), words
    assert os.fsencode(out).endswith(b"run-\xff")
    run = read_run(out)
    assert len(run.rows) == 3
    assert run.facts["settings"]["inventory"] == f"{tmp_path}/earlier-\ufffd/results.jsonl"
    assert run.facts["settings"]["out"] == f"{tmp_path}/run-\ufffd"
    assert {line["scope"] for line in run.totals} >= {"tag:\ufffd"}
    assert lines_of(out / "journal.jsonl")[0]["asked"]["inventory"] == run.facts["settings"]["inventory"]
    assert (resumed_code, "nothing was scanned" in resumed_words) == (0, True), resumed_words


def test_rows_and_a_plan_on_stdout_are_valid_for_a_strict_reader(tmp_path: Path) -> None:
    fleet = tmp_path / f"fleet-{BYTE}.jsonl"
    with simulation() as endpoint:
        assert ended(begun(NOTHING, *scanning(endpoint, tmp_path / "run")))[0] == 0
        machines = [row["resource_id"] for row in lines_of(tmp_path / "run" / "results.jsonl")]
        lines = [
            b'{"id":"%s","tags":{"half \\ud800":"\\udfff \\ud83d\\ude00"}}\n' % name.encode()
            for name in machines
        ]
        fleet.write_bytes(b"".join(lines))
        code, data, _ = ended(begun(NOTHING, *scanning(endpoint, "-"), "--inventory", str(fleet)))
        plan = begun(NOTHING, "plan", "--endpoint", endpoint, "--inventory", str(fleet))
        plan_code, plan_data, _ = ended(plan)
    assert (code, plan_code) == (0, 0)
    rows = [orjson.loads(line) for line in data.splitlines()]
    assert [row["tags"] for row in rows] == [{"half \ufffd": "\ufffd \U0001f600"}] * 7
    assert orjson.loads(plan_data)["listed"] == 7
