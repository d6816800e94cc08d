"""`python -m tests.memory`: the peak of a normal scan, and of scans that meet hostile replies."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence

from tests.memory.bombs import FILLS, FRAMES, MIB
from tests.memory.hostile_server import Plot
from tests.memory.measured import KINDS, NORMAL, framed, just_let_in, measure

FAR_TOO_LARGE_BYTES = 30 * MIB
MOST_OVER_NORMAL_MB = 150.0
# The fills that cost most for each kind of bound.
WORST = ("objects of one", "nested", "one wide text", "the token", "the token escaped")


def plots(number: int, kinds: Sequence[str], *, is_all: bool) -> Iterator[tuple[str, Plot]]:
    """What is played, and how it is called."""
    for kind in kinds:
        bomb = framed(kind, "lists", FAR_TOO_LARGE_BYTES)
        yield f"{kind}: 30 MiB of lists", Plot(kind, number, [bomb])
        for fill in FILLS if is_all else WORST:
            yield f"{kind}: {fill}, just let in", Plot(kind, number, [just_let_in(kind, fill)])
    for frame in FRAMES if is_all and "poll" in kinds else ():
        bomb = framed("poll", "one text", FAR_TOO_LARGE_BYTES, frame)
        yield f"poll: 30 MiB, {frame}", Plot("poll", number, [bomb])


async def _main(arguments: argparse.Namespace) -> int:
    normal = await measure(NORMAL)
    print(f"normal scan: {normal.peak_mb:.0f} MB")  # noqa: T201
    worst_mb = 0.0
    for name, plot in plots(arguments.at_once, arguments.kinds, is_all=arguments.all):
        found = await measure(plot)
        over_mb = found.peak_mb - normal.peak_mb
        worst_mb = max(worst_mb, over_mb)
        wire = max(len(bomb.headers) + len(bomb.data) for bomb in plot.bombs)
        print(  # noqa: T201
            f"{name:42} x{found.sent}: {wire:>9,} bytes sent, {over_mb:+6.0f} MB, exit {found.exit_code}, "
            f"{found.took_s:.1f} s",
            flush=True,
        )
    print(f"at most {worst_mb:+.0f} MB over normal; {MOST_OVER_NORMAL_MB:.0f} are allowed")  # noqa: T201
    return int(worst_mb > MOST_OVER_NORMAL_MB)


def main() -> int:
    """1 where any scan takes more than is allowed."""
    parser = argparse.ArgumentParser(prog="python -m tests.memory", description=__doc__)
    parser.add_argument("--at-once", type=int, default=8, help="hostile replies at once (8)")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS), help="all")
    parser.add_argument("--all", action="store_true", help="every fill and every framing, half an hour")
    return asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
