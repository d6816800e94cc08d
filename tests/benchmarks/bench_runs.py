"""Runs as a measurement leaves them, for the tests of what is made of them."""

from __future__ import annotations

from benchmarks.runs import Run


def a_run(client: str, machines: int, cpu_s: float, **told: object) -> Run:
    """A run in which every machine has its result, unless `told` otherwise."""
    facts: dict[str, object] = {
        "results": machines,
        "lost": 0,
        "unreached": 0,
        "wall_s": 9.0,
        "peak_mb": 50.0,
    }
    return Run(client=client, machines=machines, cpu_s=cpu_s, **(facts | told))  # type: ignore[arg-type]
