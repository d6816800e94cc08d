"""Random shards of random fleets, some missing, stopped, killed or torn: the merged run and plain sums."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleetscan import json_text
from fleetscan.merging.given import given
from fleetscan.merging.merge import Merged, merge
from fleetscan.model import Ending, Target
from fleetscan.records import machine_row
from fleetscan.records.row import Row
from fleetscan.records.run import ShardSubscription
from fleetscan.records.sums import RunningTotals
from fleetscan.records.totals import GroupTotals
from fleetscan.runs.reader import open_run
from tests.merging.shard_runs import REQUESTS, End, Made, fleet, write

SEEDS = range(60)
GROUP_BY = ("tag:owner",)


@dataclass
class Night:
    """A fleet in shards: what was written of each, None of one that is missing."""

    by: str
    made: list[Made | None]
    vms: list[list[tuple[Target, Ending]]]
    paths: list[Path]


def night(seed: int, place: Path) -> Night:
    """Some shards of a fleet, one of them there at least."""
    draw = random.Random(seed)
    of, by = draw.randrange(1, 6), draw.choice(("subscription", "size", "vm"))
    everything = fleet(draw, draw.randrange(1, 7), draw.randrange(0, 60))
    vms: list[list[tuple[Target, Ending]]] = [[] for _ in range(of)]
    for number, (target, ending) in enumerate(everything):
        part = number % of if by == "vm" else int(target.subscription_id[-3:]) % of
        vms[part].append((target, ending))
    counts = Counter(target.subscription_id for target, _ in everything)
    seen = [
        ShardSubscription(
            subscription_id=key, name=None, vms=count, shard=None if by == "vm" else int(key[-3:]) % of + 1
        )
        for key, count in sorted(counts.items())
    ]
    there = draw.randrange(of)
    made: list[Made | None] = []
    for number, own in enumerate(vms):
        is_missing = number != there and draw.random() < 0.3
        made.append(None if is_missing else _made(draw, seed, (number + 1, of, by), own, seen))
    paths = [write(place / f"shard-{number}", each) for number, each in enumerate(made) if each is not None]
    draw.shuffle(paths)
    return Night(by, made, vms, paths)


def _made(
    draw: random.Random,
    seed: int,
    shard: tuple[int, int, str],
    vms: Sequence[tuple[Target, Ending]],
    seen: Sequence[ShardSubscription],
) -> Made:
    ends: tuple[End, ...] = ("whole", "whole", "stopped", "killed")
    end = draw.choice(ends)
    kept = [(target, ending if end == "whole" or draw.random() < 0.6 else None) for target, ending in vms]
    return Made(
        f"5eed{seed:04d}-0000-4000-8000-{shard[0]:012d}",
        kept,
        end,
        shard,
        seen,
        has_journal=end == "killed" or draw.random() < 0.5,
        group_by=GROUP_BY,
        torn=b'{"schema":"fleetscan.result/1","sc' if draw.random() < 0.3 else b"",
    )


def merged(paths: Sequence[Path], out: Path) -> Merged:
    return merge([given(str(path), path) for path in paths], out)


def recounted(night: Night, scan_id: str) -> tuple[GroupTotals, list[GroupTotals]]:
    """The sums by a plain count: of VMs of a missing shard the subscription alone is known."""
    totals = RunningTotals(scan_id, GROUP_BY)
    for made, vms in zip(night.made, night.vms, strict=True):
        if made is None:
            for target, _ in vms:
                totals.listed(Target("", target.subscription_id, "", ""))
            continue
        rows = {row["resource_id"]: row for row in made.rows()}
        for target, _ in made.vms:
            totals.listed(target)
            if (row := rows.get(target.resource_id)) is not None:
                totals.ended(target, row)
    return totals.sums()


@pytest.mark.parametrize("seed", SEEDS)
def test_random_shards_merge_to_the_sums_of_their_rows(tmp_path: Path, seed: int) -> None:
    shards = night(seed, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.json*")}
    result = merged(shards.paths, tmp_path / "out")
    run = open_run(tmp_path / "out")
    scan_id = run.facts["scan_id"]

    there = [made for made in shards.made if made is not None]
    expected = {row["resource_id"]: row for made in there for row in made.rows()}
    found = {row["resource_id"]: row for row in run.rows()}
    assert sum(1 for _ in run.rows()) == len(found)
    assert found == {key: {**row, "scan_id": scan_id} for key, row in expected.items()}

    fleet_line, groups = recounted(shards, scan_id)
    totals = run.totals()
    assert {name: totals[name] for name in fleet_line} == fleet_line  # type: ignore[literal-required]
    assert run.groups() == groups
    assert totals["listed"] == sum(len(vms) for vms in shards.vms)
    assert totals["listed"] - totals["outcomes"]["interrupted"] == len(found)
    assert totals["requests"]["poll"] == REQUESTS.poll * len(there)

    is_whole = len(there) == len(shards.made) and all(made.end == "whole" for made in there)
    failed = totals["outcomes"]["failed"] or totals["outcomes"]["timed_out"]
    assert result.facts["exit_code"] == (5 if not is_whole else 3 if failed else 0)
    assert bool(run.facts["stopped_by"]) == (not is_whole)
    assert run.incomplete == [] if is_whole else run.incomplete
    assert [source["rows"] for source in run.facts["sources"]] == [len(made.rows()) for made in there]
    assert run.facts["selection"]["shard"] is None
    assert run.facts["scope"]["shard"] is None
    assert {path: path.read_bytes() for path in before} == before


def test_rows_are_otherwise_as_their_scan_wrote_them(tmp_path: Path) -> None:
    shards = night(3, tmp_path)
    merged(shards.paths, tmp_path / "out")
    scan_id = open_run(tmp_path / "out").facts["scan_id"]
    lines = (tmp_path / "out" / "results.jsonl").read_bytes().splitlines()
    own: list[Row] = [row for made in shards.made if made is not None for row in made.rows()]
    assert sorted(lines) == sorted(machine_row.encode({**row, "scan_id": scan_id}).rstrip() for row in own)
    assert len(lines) == len(own) > 0
    assert all(json_text.parse(line) for line in lines)
