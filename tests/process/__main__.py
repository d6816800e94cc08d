"""`make test-process`: kills real scans at random moments, and says which seed breaks what."""

from __future__ import annotations

# ruff: noqa: T201 - a command of the developer's, which prints
import argparse
import sys
import time
from collections import Counter

from tests.process.checks import Kind
from tests.process.playing import Verdict, judge_apart, judge_kills


def main() -> int:
    """Exit code 1 where any history breaks anything."""
    parser = argparse.ArgumentParser(prog="python -m tests.process", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="how many kills (%(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first history's seed (%(default)s)")
    parser.add_argument("--seed", type=int, help="play this history alone")
    args = parser.parse_args()
    began_at = time.monotonic()
    is_alone = args.seed is not None
    outcomes = []
    for verdict in [judge_apart(args.seed)] if is_alone else judge_kills(args.kills, args.first):
        outcomes.append(verdict)
        tell(verdict)
    return told(outcomes, time.monotonic() - began_at)


def tell(verdict: Verdict) -> None:
    """Say what is wrong, at once."""
    for breach in verdict.breaches:
        print(f"seed {verdict.seed}: {breach.said}", flush=True)
    if verdict.breaches:
        print(f"  alone: python -m tests.process --seed {verdict.seed}", flush=True)
        print(f"  files: {verdict.place}", flush=True)


def told(outcomes: list[Verdict], took_s: float) -> int:
    """The sum of it."""
    counts: Counter[Kind] = sum((verdict.counts() for verdict in outcomes), Counter())
    broken = sum(bool(verdict.breaches) for verdict in outcomes)
    print(
        f"{sum(v.kills for v in outcomes)} kills in {len(outcomes)} histories: "
        + "".join(f"{counts[kind]} {kind.value}, " for kind in Kind)
        + f"{broken} histories broken; {sum(v.processes for v in outcomes)} processes, "
        f"{sum(v.second_scans for v in outcomes)} second scans, "
        f"{sum(v.in_doubt for v in outcomes)} starts of unknown fate, {took_s / 60:.1f} minutes"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
