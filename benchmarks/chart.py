"""The chart of the README: bars for CPU a machine and for the time to the last result, as one SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import svg

from benchmarks import commands, figures
from benchmarks.figures import fleets, middle
from benchmarks.runs import Run
from benchmarks.scene import Scene

WIDTH = 900
LABEL_WIDTH = 340
BAR_WIDTH = 290
BAR_HEIGHT = 18
LINE_HEIGHT = 28
TITLE_HEIGHT = 48
FONT = "system-ui, sans-serif"
# Readable on white and on GitHub's dark page, with a white ground of its own.
OURS, THEIRS, INK = "#0b6e4f", "#9aa5b1", "#1f2933"


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a panel; `said` stands at the bar's end."""

    label: str
    value: float
    said: str


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars on one scale under a title."""

    title: str
    bars: Sequence[Bar]


def chart(scenes: Mapping[str, Scene]) -> str:
    """The SVG over every scene that has something to draw."""
    panels = [_cpu(scene) for scene in figures.named(scenes, "no limits")]
    panels += [_time(scene) for scene in figures.named(scenes, "limits")]
    return draw(panels)


def _cpu(scene: Scene) -> Panel:
    bars = []
    for runs in fleets(scene):
        cpu_ms = middle(runs, figures.cpu_ms) or 0.0
        bars.append(Bar(runs[0].client, cpu_ms, f"{cpu_ms:.2f} ms"))
    return Panel("CPU a VM without limits: less is better", bars)


def _time(scene: Scene) -> Panel:
    bound_s = scene.runs[0].bound_s
    bars = [] if bound_s is None else [Bar("shortest that Azure's limits allow", bound_s, f"{bound_s:.0f} s")]
    bars += [_span(runs) for runs in fleets(scene)]
    return Panel(f"Time to the last result, {scene.name.removeprefix('limits: ')}: less is better", bars)


def _span(runs: Sequence[Run]) -> Bar:
    """A run that left machines without a result is as long as it was let run, and says what it has."""
    first = runs[0]
    if all(run.results == run.machines for run in runs) and (span_s := middle(runs, lambda run: run.span_s)):
        return Bar(first.client, span_s, f"{span_s:.0f} s")
    wall_s = middle(runs, lambda run: run.wall_s) or 0.0
    least = min(run.results for run in runs)
    return Bar(first.client, wall_s, f"{wall_s:.0f} s: {least:,} of {first.machines:,} have a result")


def draw(panels: Sequence[Panel]) -> str:
    """Panels one below the other."""
    elements: list[svg.Element] = []
    top = 0
    for panel in panels:
        elements += _drawn(panel, top)
        top += TITLE_HEIGHT + LINE_HEIGHT * len(panel.bars)
    height = top + LINE_HEIGHT // 2
    ground = svg.Rect(width=WIDTH, height=height, fill="white", rx=6)
    box = svg.ViewBoxSpec(0, 0, WIDTH, height)
    return f"{svg.SVG(width=WIDTH, height=height, viewBox=box, elements=[ground, *elements])}\n"


def _drawn(panel: Panel, top: int) -> list[svg.Element]:
    longest = max((bar.value for bar in panel.bars), default=0.0) or 1.0
    elements: list[svg.Element] = [_text(16, top + 32, panel.title, weight="bold")]
    for place, bar in enumerate(panel.bars):
        line = top + TITLE_HEIGHT + LINE_HEIGHT * place
        length = max(1.0, round(BAR_WIDTH * bar.value / longest, 1))
        colour = OURS if bar.label in [client.value for client in commands.OURS] else THEIRS
        elements += [
            _text(16, line + 14, bar.label),
            svg.Rect(x=LABEL_WIDTH, y=line, width=length, height=BAR_HEIGHT, fill=colour, rx=2),
            _text(LABEL_WIDTH + length + 8, line + 14, bar.said),
        ]
    return elements


def _text(x: float, y: float, text: str, *, weight: Literal["bold", "normal"] = "normal") -> svg.Text:
    return svg.Text(x=x, y=y, text=text, font_family=FONT, font_size=14, font_weight=weight, fill=INK)
