"""What must hold of a scan on a cluster, however often its workers were killed.

Each shard is a history of its own, judged by its journal and by what Azure was sent of its machines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson

from fleetscan.simulator.scenario import Scenario
from tests.process.azure import Account
from tests.process.checks import Breach, Evidence, Kind, breaches
from tests.process.history import History, Life

COMPLETE = (0, 3)


def breaches_of(out: Path, scenario: Scenario, account: Account) -> list[Breach]:
    """Everything that is wrong with the scan in the directory `out`."""
    shards = [_evidence(path, scenario, account) for path in sorted(out.glob("shards/*-of-*"))]
    found = [breach for shard in shards for breach in breaches(shard.history)]
    return [*found, *_of_whole(out, shards, account)]


def in_doubt(out: Path, scenario: Scenario, account: Account) -> int:
    """How many starts went out without our learning what became of them."""
    shards = (_evidence(path, scenario, account) for path in sorted(out.glob("shards/*-of-*")))
    return sum(shard.in_doubt.total() for shard in shards)


def _evidence(path: Path, scenario: Scenario, account: Account) -> Evidence:
    code = orjson.loads((path / "run.json").read_bytes())["exit_code"]
    keys = set(Evidence(History(0, path, scenario)).keys)
    own = Account(
        posts={key: posts for key, posts in account.posts.items() if key in keys},
        counts={key: counts for key, counts in account.counts.items() if key in keys},
        superseded=[key for key in account.superseded if key in keys],
        installations_killed=[key for key in account.installations_killed if key in keys],
        unauthorized=account.unauthorized,
    )
    return Evidence(History(0, path, scenario, [Life(code, "")], own))


def _of_whole(out: Path, shards: list[Evidence], account: Account) -> Iterator[Breach]:
    """Each machine of the fleet is one shard's, and has one row in the merged run."""
    listed = Counter(key for shard in shards for key in shard.keys)
    for key in sorted(set(account.counts) - set(listed)):
        yield Breach(Kind.LOST, f"{key} is in no shard")
    for key, count in listed.items():
        if count > 1:
            yield Breach(Kind.DOUBLED, f"{key} is in {count} shards")
    rows = [orjson.loads(line) for line in (out / "results.jsonl").read_bytes().splitlines()]
    merged = Counter(row["resource_id"].lower() for row in rows)
    for key in sorted(set(account.counts) - set(merged)):
        yield Breach(Kind.LOST, f"{key} has no row in the merged run")
    for key, count in merged.items():
        if count > 1:
            yield Breach(Kind.DOUBLED, f"{key} has {count} rows in the merged run")
    if (code := orjson.loads((out / "run.json").read_bytes())["exit_code"]) not in COMPLETE:
        yield Breach(Kind.OTHER, f"the merged run says that it ended with {code}")
