"""What a merge costs: shards of a large fleet, merged by a process of its own.

`python -m tests.merge_measure --shards 10 --vms 10000 --patches 50` takes a minute or two, most of it to make
the shards.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from tests.big_run import SCAN_ID, VMS_A_SUBSCRIPTION, target_of, write_big_run

CHECKOUT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Measured:
    """How a merge went: its exit code, how long it took, its peak in MB, and how long the rows are in MB."""

    exit_code: int
    took_s: float
    peak_mb: float
    rows_mb: float


def write_shards(place: Path, shards: int, vms: int, patches: int) -> list[Path]:
    """Shards of so many VMs each, in whole subscriptions."""
    apart = -(-vms // VMS_A_SUBSCRIPTION) * VMS_A_SUBSCRIPTION
    seen = [
        _seen(number + 1, number * apart + first, min(VMS_A_SUBSCRIPTION, vms - first))
        for number in range(shards)
        for first in range(0, vms, VMS_A_SUBSCRIPTION)
    ]
    paths = []
    for number in range(shards):
        path = place / f"shard-{number + 1}"
        write_big_run(path, vms, patches, seed=number, first=number * apart)
        scan_id = f"{number:08d}{SCAN_ID[8:]}"
        rows = path / "results.jsonl"
        with rows.open("rb") as old, (path / "new").open("wb") as new:
            new.writelines(line.replace(SCAN_ID.encode(), scan_id.encode(), 1) for line in old)
        (path / "new").replace(rows)
        facts = orjson.loads((path / "run.json").read_bytes())
        facts["scan_id"] = scan_id
        facts["selection"] |= {"shard": f"{number + 1}/{shards}", "shard_by": "size"}
        facts["scope"]["shard"] = {"number": number + 1, "of": shards, "by": "size", "subscriptions": seen}
        (path / "run.json").write_bytes(orjson.dumps(facts))
        paths.append(path)
    return paths


def _seen(shard: int, first: int, vms: int) -> dict[str, object]:
    target, _ = target_of(first)
    told = {"subscription_id": target.subscription_id, "name": target.subscription_name}
    return {**told, "vms": vms, "shard": shard}


def measure(paths: Sequence[Path], out: Path, *more: str) -> Measured:
    """Merge the runs into `out` by a process of its own."""
    used, began = out.with_name("used"), time.monotonic()
    command = sys.executable, "-m", "tests.memory.child", str(used), "merge", *map(str, paths)
    merged = subprocess.run(
        [*command, "--out", str(out), *more],
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"]},
        stderr=subprocess.PIPE,
        check=False,
    )
    took_s, size_bytes = (
        time.monotonic() - began,
        sum(path.stat().st_size for path in out.glob("results.jsonl")),
    )
    return Measured(merged.returncode, took_s, float(used.read_text()), size_bytes / 1e6)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=10)
    parser.add_argument("--vms", type=int, default=10_000)
    parser.add_argument("--patches", type=int, default=50)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as kept:
        made = write_shards(Path(kept), asked.shards, asked.vms, asked.patches)
        sys.stdout.write(f"{measure(made, Path(kept) / 'quiet', '--quiet')}\n")
        sys.stdout.write(f"{measure(made, Path(kept) / 'summary')}, with its summary\n")
