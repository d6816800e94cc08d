"""The one reader of runs: whole ones, torn ones, stopped ones, and those of a later fleetscan."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from fleetscan.errors import CannotReadRunError
from fleetscan.records.row import Row
from fleetscan.records.totals import Outcomes, Totals
from fleetscan.runs.reader import Run, State, open_run
from tests.records.examples import SCAN_ID, timed_row, write_run
from tests.report.test_terminal_summary import FLEET

ROWS = [timed_row("vm-1", "Linux", 60.0), timed_row("vm-2", "Windows", 90.0)]


def written(path: Path, exit_code: int | None = 0, torn: bytes = b"", totals: bool = True) -> Run:
    write_run(path, ROWS, exit_code, torn)
    if totals:
        group = {name: SMALL[name] for name in SMALL if name not in FLEET_ALONE}  # type: ignore[literal-required]
        lines = [SMALL, group | {"scope": "location", "key": "westeurope"}]
        (path / "totals.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    return open_run(path)


# Two VMs ended, one was interrupted.
OUTCOMES: Outcomes = {"assessed": 2, "failed": 0, "timed_out": 0, "skipped": 0, "interrupted": 1}
SMALL: Totals = {**FLEET, "listed": 3, "outcomes": OUTCOMES}
FLEET_ALONE = ("started_at", "finished_at", "duration_s", "requests", "inventory_errors")


def read_all(path: Path) -> None:
    """Read a run to its end."""
    run = open_run(path)
    list(run.rows())
    run.totals()


def change(path: Path, key: str, value: object, line: int = 0) -> None:
    """Put `value` under `key` into the line of a file of JSON lines, or into the one object it is."""
    lines = path.read_bytes().splitlines()
    told: dict[str, Any] = json.loads(lines[line])
    told[key] = value
    lines[line] = json.dumps(told).encode()
    path.write_bytes(b"\n".join(lines) + b"\n")


def test_a_complete_run_hands_over_its_rows_its_sums_and_its_facts(tmp_path: Path) -> None:
    run = written(tmp_path)
    assert list(run.rows()) == ROWS
    assert run.totals() == SMALL
    assert [group["key"] for group in run.groups()] == ["westeurope"]
    assert (run.facts["scan_id"], run.state, run.is_complete, run.incomplete) == (
        SCAN_ID,
        State.COMPLETE,
        True,
        [],
    )


@pytest.mark.parametrize(
    ("exit_code", "state"),
    [
        (0, State.COMPLETE),
        (1, State.COMPLETE),
        (3, State.COMPLETE),
        (4, State.STOPPED),
        (5, State.STOPPED),
        (70, State.STOPPED),
        (None, State.UNFINISHED),
    ],
)
def test_the_state_of_a_run_is_what_its_run_json_says(
    tmp_path: Path, exit_code: int | None, state: State
) -> None:
    assert written(tmp_path, exit_code).state is state


def test_what_a_later_version_adds_does_no_harm_and_is_kept(tmp_path: Path) -> None:
    run = written(tmp_path)
    for name, line in (("results.jsonl", 1), ("totals.jsonl", 0), ("totals.jsonl", 1), ("run.json", 0)):
        change(tmp_path / name, "later", {"new": 1}, line)
    change(tmp_path / "results.jsonl", "reason", "postponed", 1)
    run = open_run(tmp_path)
    assert (run.state, run.facts["later"]) == (State.COMPLETE, {"new": 1})  # type: ignore[typeddict-item]
    assert run.totals()["later"] == {"new": 1}  # type: ignore[typeddict-item]
    last = list(run.rows())[-1]
    assert (last["reason"], last["later"]) == ("postponed", {"new": 1})  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("name", "schema", "read"),
    [
        ("run.json", "fleetscan.run/2", lambda run: run.state),
        ("totals.jsonl", "fleetscan.totals/2", lambda run: run.totals()),
        ("results.jsonl", "fleetscan.result/12", lambda run: list(run.rows())),
    ],
)
def test_a_later_schema_is_refused_in_a_sentence(
    tmp_path: Path, name: str, schema: str, read: Callable[[Run], object]
) -> None:
    written(tmp_path)
    change(tmp_path / name, "schema", schema)
    with pytest.raises(CannotReadRunError) as raised:
        read(open_run(tmp_path))
    assert f"is of schema {schema}; use the version of fleetscan that wrote it, or a newer one" in str(
        raised.value
    )
    assert raised.value.exit_code == 2


def test_a_last_row_that_is_torn_is_passed_over_and_told(tmp_path: Path) -> None:
    run = written(tmp_path, torn=b'{"schema":"fleetscan.result/1","scan_')
    assert list(run.rows()) == ROWS
    assert run.incomplete == ["the last line of results.jsonl is incomplete and is ignored"]


def test_an_unfinished_run_has_rows_and_says_what_it_lacks(tmp_path: Path) -> None:
    run = written(tmp_path, exit_code=None, totals=False)
    assert len(list(run.rows())) == 2
    assert run.incomplete == ["the run has not finished: it has no totals, and some VMs may have no row"]
    with pytest.raises(CannotReadRunError, match="the run has not finished: it has no totals yet"):
        run.totals()


def test_a_stopped_run_says_how_many_vms_have_no_row(tmp_path: Path) -> None:
    run = written(tmp_path, exit_code=5)
    left = SMALL["outcomes"]["interrupted"]
    assert left == 1
    assert run.incomplete == ["the run was stopped: 1 VM has no row"]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path: (path / "run.json").unlink(), "it has no run.json"),
        (lambda path: (path / "run.json").write_text("{"), "run.json is not JSON"),
        (
            lambda path: (path / "run.json").write_text("[]"),
            "run.json is no record of schema fleetscan.run",
        ),
        (lambda path: change(path / "run.json", "exit_code", "well"), "run.json is no record of schema"),
        (lambda path: change(path / "results.jsonl", "os_type", 7), "line 1 of results.jsonl is no record"),
        (lambda path: (path / "results.jsonl").write_text("x\n"), "line 1 of results.jsonl is not JSON"),
        (lambda path: (path / "results.jsonl").unlink(), "results.jsonl: No such file or directory"),
        (lambda path: (path / "totals.jsonl").write_text(""), "totals.jsonl is empty"),
        (lambda path: change(path / "totals.jsonl", "listed", None), "line 1 of totals.jsonl is no record"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(
    tmp_path: Path, spoil: Callable[[Path], object], told: str
) -> None:
    written(tmp_path)
    spoil(tmp_path)
    with pytest.raises(CannotReadRunError) as raised:
        read_all(tmp_path)
    assert told in str(raised.value)
    assert str(raised.value).startswith(f"{tmp_path} cannot be read as a run: ")


def test_a_directory_without_a_run_and_none_at_all_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(CannotReadRunError, match="it holds no run"):
        open_run(tmp_path)
    with pytest.raises(CannotReadRunError, match="there is no such directory"):
        open_run(tmp_path / "nowhere")


def test_rows_are_streamed_one_at_a_time(tmp_path: Path) -> None:
    run = written(tmp_path)
    rows = run.rows()
    first: Row = next(rows)
    # What is written while a reader is at work is read when it comes there.
    with (tmp_path / "results.jsonl").open("ab") as more:
        more.write(orjson.dumps(timed_row("vm-3", None, None)) + b"\n")
    assert [first["name"], *(row["name"] for row in rows)] == ["vm-1", "vm-2", "vm-3"]


def test_rows_that_the_totals_count_and_are_not_there_are_missed(tmp_path: Path) -> None:
    run = written(tmp_path)
    results = tmp_path / "results.jsonl"
    results.write_bytes(results.read_bytes().splitlines(keepends=True)[0])
    assert run.incomplete == ["1 of the rows that its totals count is missing in results.jsonl"]


def test_rows_that_the_totals_do_not_count_are_too_many_unless_a_process_is_at_work(tmp_path: Path) -> None:
    run = written(tmp_path)
    results = tmp_path / "results.jsonl"
    results.write_bytes(results.read_bytes() + results.read_bytes().splitlines(keepends=True)[0])
    assert run.incomplete == ["results.jsonl has 1 row more than its totals count"]
    run.facts["exit_code"] = None
    assert run.incomplete == ["the run has not finished: it has no totals, and some VMs may have no row"]


def test_totals_that_do_not_add_up_are_refused(tmp_path: Path) -> None:
    run = written(tmp_path)
    totals = tmp_path / "totals.jsonl"
    told = orjson.loads(totals.read_bytes().splitlines()[0])
    totals.write_bytes(orjson.dumps({**told, "listed": told["listed"] + 1}) + b"\n")
    with pytest.raises(CannotReadRunError, match="its outcomes do not add up to the VMs listed"):
        run.totals()


@pytest.mark.parametrize(("exit_code", "word"), [(5, "stopped"), (0, "complete"), (3, "complete")])
def test_a_run_that_has_ended_and_has_no_totals_says_so(tmp_path: Path, exit_code: int, word: str) -> None:
    run = written(tmp_path, exit_code=exit_code, totals=False)
    assert run.incomplete == [f"the run was {word}, and its totals cannot be read"]
