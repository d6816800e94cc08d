"""The nights of a history as lines and a table: each chart is paths in a box of 100 by 40 that stretches.

Plain values for the template, which draws the lines in SVG and writes all words beside them in HTML. What a
night does not tell is a gap in its line, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import TypeAlias

from fleetscan.records.history import Night
from fleetscan.records.times import moment_of
from fleetscan.report.figures import percent_words
from fleetscan.report.page.shown import NAME_LIMIT_CHARS, cut

WIDTH, HEIGHT = 100, 40
# Of more nights than these each dot would hide the line.
MOST_DOTS = 40
STEPS = (1, 2, 5, 10)
Figure: TypeAlias = float | None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart; `paths` and `dots` are what SVG draws."""

    label: str
    newest: str
    oldest: str
    paths: list[str]
    dots: list[str]


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over the same nights, with the figures at the ends of the axis."""

    title: str
    top: str
    middle: str
    bottom: str
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class Trend:
    """The nights, the newest first, and their charts: none of fewer than two nights."""

    nights: list[tuple[str, Night, str, str]]
    first: str
    last: str
    charts: list[Chart]


def trend_of(nights: Sequence[Night]) -> Trend:
    """The trend of `nights`, which are in their order."""
    shown = [
        (_when(night), night, percent_words(night["coverage_pct"]), percent_words(night["compliance_pct"]))
        for night in nights
    ]
    ends = (shown[0][0][:10], shown[-1][0][:10]) if shown else ("", "")
    return Trend(shown[::-1], *ends, charts=[_patches(nights), _shares(nights)] if len(nights) > 1 else [])


def _when(night: Night) -> str:
    moment = moment_of(night["started_at"])
    return cut(night["started_at"], NAME_LIMIT_CHARS) if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def _patches(nights: Sequence[Night]) -> Chart:
    values = [night["critical_and_security_count"] for night in nights]
    top = _round_up(max((each for each in values if each is not None), default=0))
    line = _line("Critical and security patches missing", nights, values, (0, top), _count_words)
    return Chart("Critical and security patches missing", f"{top:,}", f"{top // 2:,}", "0", [line])


def _shares(nights: Sequence[Night]) -> Chart:
    coverage = [night["coverage_pct"] for night in nights]
    compliance = [night["compliance_pct"] for night in nights]
    least = min((each for each in coverage + compliance if each is not None), default=0.0)
    bottom = min(90, floor(least / 10) * 10)
    lines = [
        _line("Coverage", nights, coverage, (bottom, 100), _percent_words),
        _line("Compliance", nights, compliance, (bottom, 100), _percent_words),
    ]
    middle = f"{(100 + bottom) / 2:g} %"
    return Chart("Coverage and compliance", "100 %", middle, f"{bottom} %", lines)


def _count_words(value: Figure) -> str:
    return "unknown" if value is None else f"{value:,}"


def _percent_words(value: Figure) -> str:
    return percent_words(value) or "unknown"


def _round_up(most: int) -> int:
    """The least of 1, 2 and 5 times a power of ten that is not below `most`, but even."""
    if most <= 2:
        return 2
    power = 10 ** floor(log10(most))
    return (
        int(next(step * power for step in STEPS if step * power >= most)) if most > 5 else ceil(most / 2) * 2
    )


def _line(
    label: str,
    nights: Sequence[Night],
    values: Sequence[Figure],
    axis: tuple[float, float],
    words: Callable[[Figure], str],
) -> Line:
    low, high = axis
    points = [
        None if value is None else (x, HEIGHT - (value - low) / (high - low) * HEIGHT)
        for x, value in zip(_places(nights), values, strict=True)
    ]
    runs = [*_runs(points)]
    paths = [f"M{' L'.join(f'{x:.2f} {y:.2f}' for x, y in run)}" for run in runs if len(run) > 1]
    alone = [run[0] for run in runs if len(run) == 1]
    dotted = alone if len(points) > MOST_DOTS else [point for run in runs for point in run]
    # A line of no length has round ends: a dot that stays round in a box that is stretched.
    dots = [f"M{x:.2f} {y:.2f}h0" for x, y in dotted]
    return Line(label, words(values[-1]), words(values[0]), paths, dots)


def _places(nights: Sequence[Night]) -> list[float]:
    """Where each night stands between the first and the last, by its time; evenly where times do not tell."""
    moments = [moment.timestamp() for night in nights if (moment := moment_of(night["started_at"]))]
    if len(moments) < len(nights) or moments[-1] <= moments[0]:
        moments = [float(number) for number in range(len(nights))]
    span = moments[-1] - moments[0]
    return [(each - moments[0]) / span * WIDTH for each in moments]


def _runs(points: Sequence[tuple[float, float] | None]) -> Iterator[list[tuple[float, float]]]:
    """The stretches of points without a gap."""
    run: list[tuple[float, float]] = []
    for point in points:
        if point is not None:
            run.append(point)
        elif run:
            yield run
            run = []
    if run:
        yield run
