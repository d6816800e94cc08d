"""What a measurement leaves in the checkout: figures, tables, a chart, and a part of README.md.

Scenes that were not measured this time stay as they were, with the day and the computer they were taken on.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.chart import chart
from benchmarks.ends_seen import Course, Ends, ends_table
from benchmarks.runs import Run
from benchmarks.scene import Scene
from benchmarks.table import table
from fleetscan.version import __version__

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
FIGURES, TABLES, CHART = "figures.json", "tables.md", "chart.svg"
# The one scene of the README, and what its table leaves to docs/benchmarks/tables.md.
IN_README = "limits: 4 subscriptions of 500 VMs"
LEFT_TO_THE_TABLES = (
    "runs",
    "wall s",
    "bound s",
    "over bound",
    "cores, busiest minute",
    "result reads a VM",
    "p90 s",
    "p99 s",
)
HEAD = """# Benchmarks

Made by `make bench`. Every client is a whole process, measured by the operating system's accounting. The
simulated Azure runs in a process of its own, new for each run, and counts the requests. Clients take turns.

- Figures are medians of the runs; lost VMs are those of the worst run. MB are 10^6 bytes.
- CPU is per VM with a result. It includes start-up (what a scan of one VM takes) unless the column says
  otherwise.
- The floor is a bare aiohttp loop without any logic. Ratios to it are computed pair by pair, without start-up
  where that was measured.
- A VM is lost if its line has no result although Azure has one for it.
- The bound is the shortest schedule that the token buckets and the assessments' durations allow.
- The makespan is the time from the first start to the last line.
- In virtual time the product's own scheduler plays against the simulated Azure without waiting. "Over its own
  order" compares the makespan to the end of the last assessment. 429s and lost VMs are those of the worst
  seed.
"""


def conditions() -> str:
    """The day, the computer and the versions, as one phrase."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, fleetscan {__version__}, aiohttp {version('aiohttp')}, "
        f"azure-mgmt-compute {version('azure-mgmt-compute')}"
    )


def save(scenes: Iterable[Scene | Ends], taken: str, checkout: Path) -> None:
    """Add `scenes` to those of earlier measurements, and rewrite everything."""
    folder = checkout / "docs" / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    known = {scene.name: (scene, when) for scene, when in load(folder / FIGURES)}
    known |= {scene.name: (scene, taken) for scene in scenes}
    figures = [asdict(scene) | {"taken": when} for scene, when in known.values()]
    (folder / FIGURES).write_text(json.dumps(figures, indent=1) + "\n")
    (folder / TABLES).write_text("\n".join([HEAD, *(section(*each, level=2) for each in known.values())]))
    by_name = {name: scene for name, (scene, _) in known.items()}
    runs = {name: scene for name, scene in by_name.items() if isinstance(scene, Scene)}
    (folder / CHART).write_text(chart(runs))
    readme = checkout / "README.md"
    readme.write_text(spliced(readme.read_text(), excerpt(by_name)))


def load(path: Path) -> list[tuple[Scene | Ends, str]]:
    """The scenes saved at `path`, each with its conditions; none where there is no such file."""
    if not path.exists():
        return []
    return [(_scene_of(each), each["taken"]) for each in json.loads(path.read_text())]


def _scene_of(saved: dict[str, Any]) -> Scene | Ends:
    name, told = saved["name"], saved["told"]
    if "courses" in saved:
        return Ends(name, told, [Course(**course) for course in saved["courses"]])
    return Scene(name, told, [Run(**run) for run in saved["runs"]])


def section(scene: Scene | Ends, taken: str, *, level: int) -> str:
    """A scene with its heading, what its Azure was like, and where it was measured."""
    title = scene.name[0].upper() + scene.name[1:]
    return f"{'#' * level} {title}\n\n{scene.told}.\n\n{shown(scene)}\n\n{taken}.\n"


def shown(scene: Scene | Ends, left_out: Iterable[str] = ()) -> str:
    """The scene's table."""
    return ends_table(scene) if isinstance(scene, Ends) else table(scene, left_out)


def excerpt(scenes: Mapping[str, Scene | Ends]) -> str:
    """The README's part: the chart, the table of one scene if it was ever measured, a link to all."""
    parts = ["![Bars: CPU a VM, and time to the last result](docs/benchmarks/chart.svg)"]
    if scene := scenes.get(IN_README):
        parts.append(f"**{scene.name[0].upper() + scene.name[1:]}**: {scene.told}.")
        parts.append(shown(scene, left_out=LEFT_TO_THE_TABLES))
    parts.append(
        "Made by `make bench`. [All figures](docs/benchmarks/tables.md), and the computer they come from."
    )
    return "\n\n".join(parts)


def spliced(text: str, part: str) -> str:
    """`text` with `part` between its two marks. Raises ValueError where the marks are not there in order."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md has no {BEGIN} ... {END}: put both lines where the figures belong")
    return f"{head}{BEGIN}\n\n{part}\n\n{END}{tail}"
