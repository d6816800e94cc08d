"""How much CPU a process took in which second, and in its busiest minute."""

from __future__ import annotations

from collections.abc import Callable, Sequence

SAMPLE_S = 1.0
MINUTE_S = 60.0


class CpuWatch:
    """Samples of a process's CPU about once a second; `cpu_s` reads all it has taken so far."""

    def __init__(self, cpu_s: Callable[[], float | None]) -> None:
        self._cpu_s = cpu_s
        self.samples: list[tuple[float, float]] = []

    def look(self, now: float) -> None:
        """Take a sample, where the last is a second old."""
        if self.samples and now - self.samples[-1][0] < SAMPLE_S:
            return
        if (spent_s := self._cpu_s()) is not None:
            self.samples.append((now, spent_s))


def busiest_cores(samples: Sequence[tuple[float, float]]) -> float | None:
    """CPU a second over the minute that took the most; None where no minute was sampled.

    `samples` are moments and the CPU taken until then, in seconds.
    """
    most: float | None = None
    first = 0
    for now, spent_s in samples:
        # The shortest stretch that ends here and is a minute long.
        while first + 1 < len(samples) and now - samples[first + 1][0] >= MINUTE_S:
            first += 1
        began_at, before_s = samples[first]
        if now - began_at >= MINUTE_S:
            most = max(most or 0.0, (spent_s - before_s) / (now - began_at))
    return most
