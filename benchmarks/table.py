"""Scenes as Markdown: a line for each client and number of machines, a column for each figure there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from benchmarks import figures
from benchmarks.figures import middle
from benchmarks.markdown import markdown
from benchmarks.runs import Run
from benchmarks.scene import Scene

Cell = Callable[[Sequence[Run], Scene], str]


def shown(value: float | None, form: str) -> str:
    """A figure as text; nothing where there is none."""
    return "" if value is None else format(value, form)


def each(figure: Callable[[Run], float | None], form: str) -> Cell:
    """A column that shows the median of a run's figure."""
    return lambda runs, scene: shown(middle(runs, figure), form)


def whole(figure: Callable[[Sequence[Run], Scene], float | None], form: str) -> Cell:
    """A column whose figure needs the other runs of its scene."""
    return lambda runs, scene: shown(figure(runs, scene), form)


def _kind(kind: str) -> Cell:
    return each(lambda run: figures.requests_a_vm(run, kind), ".2f")


def _over_floor(runs: Sequence[Run], scene: Scene) -> str:
    ratio = figures.over_floor(runs, scene)
    return "" if ratio is None else f"{ratio.middle:.2f} ({ratio.least:.2f} to {ratio.most:.2f})"


def _trouble(runs: Sequence[Run], scene: Scene) -> str:
    return "; ".join(dict.fromkeys(run.trouble for run in runs if run.trouble)).replace("|", "/")


def _unless_none(figure: Callable[[Run], int]) -> Cell:
    """A column of counts that is there only where one is above 0."""
    return lambda runs, scene: format(max(map(figure, runs)), ",") if any(map(figure, scene.runs)) else ""


COLUMNS: dict[str, Cell] = {
    "client": lambda runs, scene: runs[0].client,
    "VMs": lambda runs, scene: format(runs[0].machines, ","),
    "runs": lambda runs, scene: str(len(runs)),
    "makespan s": each(lambda run: run.span_s if run.bound_s else None, ".1f"),
    "bound s": each(lambda run: run.bound_s, ".1f"),
    "over bound": each(figures.over_bound, ".3f"),
    "CPU ms a VM": each(figures.cpu_ms, ".2f"),
    "over the floor": _over_floor,
    "cores, busiest minute": each(lambda run: run.busiest_cores, ".2f"),
    "own CPU us a paced poll": each(lambda run: run.own_us_a_poll, ".0f"),
    "CPU s to first start": each(lambda run: run.first_start_cpu_s, ".2f"),
    "start-up CPU s": whole(figures.start_up_cpu_s, ".2f"),
    "CPU ms a VM without start-up": whole(figures.cpu_ms_without_start_up, ".3f"),
    "slope": whole(figures.slope, ".2f"),
    "starts a VM": _kind("start"),
    "polls a VM": _kind("poll"),
    "result reads a VM": _kind("result"),
    "429s": each(lambda run: run.throttled, ",.0f"),
    # The worst run, not the median: one lost machine in five runs is a lost machine.
    "VMs lost": lambda runs, scene: format(max(run.lost for run in runs), ","),
    "not reached": _unless_none(lambda run: run.unreached),
    "end to row, median s": each(lambda run: run.delay_median_s if run.bound_s else None, ".2f"),
    "p90 s": each(lambda run: run.delay_p90_s if run.bound_s else None, ".2f"),
    "p99 s": each(lambda run: run.delay_p99_s if run.bound_s else None, ".2f"),
    "peak MB": each(lambda run: run.peak_mb, ",.0f"),
    "in flight MB": each(lambda run: run.in_flight_mb, ",.0f"),
    "bytes an operation": whole(figures.bytes_an_operation, ",.0f"),
    "wall s": each(lambda run: run.wall_s, ".1f"),
    "remark": _trouble,
}


def table(scene: Scene, left_out: Iterable[str] = ()) -> str:
    """A scene as a Markdown table; columns that no line fills are not there."""
    kept = {name: cell for name, cell in COLUMNS.items() if name not in set(left_out)}
    lines = [[cell(runs, scene) for cell in kept.values()] for runs in figures.fleets(scene)]
    filled = [column for column in range(len(kept)) if any(line[column] for line in lines)]
    names = [name for column, name in enumerate(kept) if column in filled]
    rows = [[line[column] for column in filled] for line in lines]
    return markdown(names, rows, words=("client", "remark"))
