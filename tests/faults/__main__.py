"""`make simulate-faults`: plays many histories, and says which seed breaks what and how to play it alone."""

from __future__ import annotations

# ruff: noqa: T201 - a command of the developer's, which prints
import argparse
import os
import sys
import time

from tests.faults.playing import Verdict, judge, judge_all


def main() -> int:
    """Exit code 1 where any history breaks anything."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many histories (%(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first one's seed (%(default)s)")
    parser.add_argument("--seed", type=int, help="play this one alone, in this process")
    args = parser.parse_args()
    if args.seed is not None:
        return told([judge(args.seed)], 0.0)
    began_at = time.monotonic()
    outcomes = []
    for verdict in judge_all(range(args.first, args.first + args.seeds), os.cpu_count() or 1):
        outcomes.append(verdict)
        tell(verdict)
    return told(outcomes, time.monotonic() - began_at)


def tell(verdict: Verdict) -> None:
    """Say what is wrong, at once."""
    for breach in verdict.breaches:
        print(f"seed {verdict.seed}: {breach}", flush=True)
    if verdict.breaches:
        print(f"  alone: python -m tests.faults --seed {verdict.seed}", flush=True)


def told(outcomes: list[Verdict], took_s: float) -> int:
    """The sum of it."""
    bad = [verdict for verdict in outcomes if verdict.breaches]
    if took_s == 0.0:
        tell(outcomes[0])
    pace = f", {len(outcomes) / took_s:.1f} a second" if took_s else ""
    kills, requests = sum(v.kills for v in outcomes), sum(v.requests for v in outcomes)
    superseded = sum(v.superseded for v in outcomes)
    print(
        f"{len(outcomes):,} histories{pace}: {kills:,} kills, {requests:,} requests, "
        f"{superseded} assessments superseded that a power cut made us forget, {len(bad)} histories broken"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
