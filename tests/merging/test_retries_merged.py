"""A run and its retries: the later row of each VM stands, in chains too, and of one shard among others."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from fleetscan.errors import CannotReadRunError
from fleetscan.merging.given import given
from fleetscan.merging.merge import Merged, merge
from fleetscan.model import Reason, Target
from fleetscan.records.row import Row
from fleetscan.records.run import ShardSubscription
from fleetscan.records.sums import RunningTotals
from fleetscan.runs.reader import open_run
from tests.merging.shard_runs import BEGAN_AT_S, Made, fleet, id_of, subscription_id, write
from tests.records.examples import assessed, failed, machine


def scan_id(number: int) -> str:
    """The id of a scan."""
    return f"{number:08d}-0000-4000-8000-000000000000"


def vm(number: int) -> Target:
    """A VM."""
    made = machine(f"vm-{number}", subscription_id=subscription_id(1))
    return replace(made, resource_id=id_of(subscription_id(1), made.name))


def merged(place: Path, made: Sequence[Made]) -> Merged:
    paths = [write(place / f"r{number}", each) for number, each in enumerate(made)]
    return merge([given(path.name, path) for path in paths], place / "out")


def rows_of(place: Path) -> dict[str, Row]:
    """The merged rows by the VM's name."""
    found = [*open_run(place / "out").rows()]
    assert len({row["resource_id"].lower() for row in found}) == len(found)
    return {row["name"]: row for row in found}


def chain(seed: int) -> tuple[list[Made], dict[str, int]]:
    """A scan and some retries, each of any earlier one's VMs; and which of them has each VM's last row."""
    draw = random.Random(seed)
    vms = fleet(draw, 3, draw.randrange(1, 25))
    made = [Made(scan_id(0), vms)]
    last = {target.name: 0 for target, _ in vms}
    for number in range(1, draw.randrange(2, 6)):
        retried = draw.randrange(number)
        again = [
            (replace(target, power_state=None), draw.choice((assessed(number), failed(Reason.GONE))))
            for target, _ in made[retried].vms
            if draw.random() < 0.5
        ]
        # A clock that is behind: a retry is later than what it retries all the same.
        began = BEGAN_AT_S + (number if draw.random() < 0.7 else -number)
        made.append(Made(scan_id(number), again, retries=scan_id(retried), began_at_s=began))
    for number in _in_order(made):
        last |= {target.name: number for target, _ in made[number].vms}
    return made, last


def _in_order(made: Sequence[Made]) -> list[int]:
    """The numbers of the runs by time, a retry behind what it retries."""

    def line(number: int) -> list[int]:
        return [number, *(line(int(made[number].retries[:8])) if made[number].retries else [])]  # type: ignore[index]

    return sorted(
        range(len(made)),
        key=lambda number: (max(made[each].began_at_s for each in line(number)), len(line(number))),
    )


@pytest.mark.parametrize("seed", range(40))
def test_of_random_chains_the_last_row_of_each_vm_stands(tmp_path: Path, seed: int) -> None:
    made, last = chain(seed)
    given_in_any_order = random.Random(seed).sample(made, len(made))
    merged(tmp_path, given_in_any_order)
    rows, run = rows_of(tmp_path), open_run(tmp_path / "out")
    expected = {
        row["name"]: {**row, "scan_id": run.facts["scan_id"]}
        for number, each in enumerate(made)
        for row in each.rows()
        if last[row["name"]] == number
    }
    assert rows == expected
    totals = RunningTotals(run.facts["scan_id"])
    for name, number in last.items():
        target = next(target for target, _ in made[number].vms if target.name == name)
        totals.listed(target)
        totals.ended(target, rows[name])
    fleet_line, groups = totals.sums()
    told = run.totals()
    assert {name: told[name] for name in fleet_line} == fleet_line  # type: ignore[literal-required]
    assert run.groups() == groups
    sources = {source["scan_id"]: source for source in run.facts["sources"]}
    assert {key: source["retries"] for key, source in sources.items()} == {
        each.scan_id: each.retries for each in made
    }
    counted = {scan_id(number): [*last.values()].count(number) for number in range(len(made))}
    assert {key: source["rows"] for key, source in sources.items()} == counted


def test_a_retry_of_one_shard_joins_its_shard(tmp_path: Path) -> None:
    seen = [ShardSubscription(subscription_id=subscription_id(1), name=None, vms=4, shard=None)]
    one = Made(scan_id(1), [(vm(1), failed()), (vm(2), assessed())], shard=(1, 2, "vm"), seen=seen)
    two = Made(scan_id(2), [(vm(3), failed()), (vm(4), assessed())], shard=(2, 2, "vm"), seen=seen)
    retry = Made(scan_id(3), [(vm(3), assessed(7))], retries=scan_id(2), began_at_s=BEGAN_AT_S + 9)
    result = merged(tmp_path, [retry, one, two])
    rows = rows_of(tmp_path)
    assert {name: row["outcome"] for name, row in rows.items()} == {
        "vm-1": "failed",
        "vm-2": "assessed",
        "vm-3": "assessed",
        "vm-4": "assessed",
    }
    assert (result.facts["exit_code"], result.totals["listed"]) == (3, 4)
    assert result.facts["selection"]["shard"] is None


def test_a_merged_run_is_retried_and_merged_again(tmp_path: Path) -> None:
    base = Made(scan_id(1), [(vm(1), failed()), (vm(2), failed())])
    first = Made(scan_id(2), [(vm(1), failed()), (vm(2), assessed())], retries=scan_id(1))
    once = merged(tmp_path, [base, first])
    again = Made(scan_id(3), [(vm(1), assessed())], retries=once.facts["scan_id"], began_at_s=BEGAN_AT_S + 60)
    path = write(tmp_path / "again", again)
    result = merge([given("out", tmp_path / "out"), given("again", path)], tmp_path / "twice")
    assert (result.facts["exit_code"], result.totals["outcomes"]["assessed"]) == (0, 2)
    assert [source["scan_id"] for source in result.facts["sources"]] == [once.facts["scan_id"], scan_id(3)]


def test_retries_in_shards_join_the_run_that_they_divide(tmp_path: Path) -> None:
    base = Made(scan_id(1), [(vm(number), failed()) for number in range(1, 4)])
    parts = [
        Made(scan_id(number + 1), [(vm(number), assessed())], shard=(number, 2, "vm"), retries=scan_id(1))
        for number in (1, 2)
    ]
    result = merged(tmp_path, [parts[1], base, parts[0]])
    assert (result.totals["outcomes"]["assessed"], result.totals["outcomes"]["failed"]) == (2, 1)
    assert [(each["shard"], each["rows"]) for each in result.facts["sources"]] == [
        (None, 1),
        ("1/2", 1),
        ("2/2", 1),
    ]
    assert result.facts["stopped_by"] is None


def test_a_retry_that_was_stopped_leaves_the_earlier_rows_and_is_said(tmp_path: Path) -> None:
    base = Made(scan_id(1), [(vm(1), failed()), (vm(2), failed())])
    for end in ("stopped", "killed"):
        place = tmp_path / end
        retry = Made(scan_id(2), [(vm(1), assessed()), (vm(2), None)], end, retries=scan_id(1))
        result = merged(place, [base, retry])
        assert {name: row["outcome"] for name, row in rows_of(place).items()} == {
            "vm-1": "assessed",
            "vm-2": "failed",
        }
        assert (result.facts["exit_code"], result.totals["outcomes"]["interrupted"]) == (5, 0)
        state = "was stopped" if end == "stopped" else "has not finished"
        assert result.facts["stopped_by"] == f"r1 {state}: VMs that it did not reach keep their earlier row"


def test_a_retry_fills_the_place_of_a_row_that_was_lost_and_adds_none(tmp_path: Path) -> None:
    base = Made(scan_id(1), [(vm(1), failed()), (vm(2), failed())])
    retry = Made(scan_id(2), [(vm(2), assessed())], retries=scan_id(1))
    paths = [write(tmp_path / name, made) for name, made in (("base", base), ("retry", retry))]
    rows = (paths[0] / "results.jsonl").read_bytes()
    (paths[0] / "results.jsonl").write_bytes(rows[:-5])
    result = merge([given(path.name, path) for path in paths], tmp_path / "out")
    assert (result.facts["exit_code"], result.totals["listed"]) == (3, 2)
    stranger = Made(scan_id(3), [(vm(9), assessed())], retries=scan_id(1))
    paths = [write(tmp_path / "whole", base), write(tmp_path / "stranger", stranger)]
    with pytest.raises(CannotReadRunError, match=r"it has more rows than its totals\.jsonl counts VMs"):
        merge([given(path.name, path) for path in paths], tmp_path / "other")
