"""What a question is asked with and what it leaves: the amount that is measured, and a scene of runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.runs import Run

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured, and how often.

    `cap_s` ends the official clients' runs under limits, which take hours. `weather` are fields of `Scenario`
    that the Azures with limits have instead of the published ones. `seeds` are played of each fleet in
    virtual time.
    """

    machines: int = 5_000
    threads_machines: int = 1_000
    rounds: int = 5
    limit_rounds: int = 1
    cap_s: float = 240.0
    sizes: tuple[int, ...] = (1_000, 10_000, 100_000)
    in_flight: int = 100_000
    seeds: int = 5
    weather: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """The runs of one question; `told` says in a sentence what the Azure was like."""

    name: str
    told: str
    runs: list[Run] = field(default_factory=list)

    def add(self, run: Run, say: Say) -> None:
        """Take in a run, and say what it came to."""
        self.runs.append(run)
        trouble = f", {run.trouble}" if run.trouble else ""
        say(f"{self.name}: {run.client}: {run.results} of {run.machines} in {run.wall_s:.1f} s{trouble}")
