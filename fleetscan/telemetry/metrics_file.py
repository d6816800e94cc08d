"""The figures of the last run in a file, for the textfile collector of Prometheus's node exporter.

A registry of its own, so that no other metric of the process is in it, and a new file in place of the old
one, so that no reader sees half of it. The file is the only memory of when a run last succeeded.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile
from prometheus_client.parser import text_string_to_metric_families

from fleetscan.runs.opening import open_to_read
from fleetscan.telemetry.figures import Figure
from fleetscan.version import __version__

LAST_SUCCESS = "fleetscan_last_success_timestamp_seconds"
# Ours has 4 kB.
MOST_BYTES = 1_000_000
READABLE = 0o644


def write_figures(path: Path, figures: Iterable[Figure], ended_at: float, *, is_success: bool) -> None:
    """Write the figures of a run that ended at `ended_at`, in seconds since 1970; raises OSError."""
    last_success = last_success_in(path)
    if is_success:
        last_success = max(ended_at, last_success or ended_at)
    registry = CollectorRegistry()
    for figure in figures:
        gauge = Gauge(figure.name, figure.help, [figure.label] if figure.label else [], registry=registry)
        for label, value in figure.values.items():
            (gauge.labels(label) if figure.label else gauge).set(value)
    _gauge(registry, "fleetscan_last_run_timestamp_seconds", "When the last run ended.", ended_at)
    if last_success is not None:
        _gauge(registry, LAST_SUCCESS, "When a run last ended complete (exit code 0, 1 or 3).", last_success)
    info = Gauge("fleetscan_build_info", "The version that wrote this file.", ["version"], registry=registry)
    info.labels(__version__).set(1)
    write_to_textfile(str(path), registry)
    with suppress(OSError):
        # Another user collects it, whatever the mask for new files is; no secret is in it.
        path.chmod(READABLE)


def last_success_in(path: Path) -> float | None:
    """When a run last succeeded, as the file of the run before tells; None where there is no such file."""
    try:
        with open_to_read(path) as file:
            text = file.read(MOST_BYTES).decode()
        for family in text_string_to_metric_families(text):
            if family.name == LAST_SUCCESS and family.samples:
                return float(family.samples[0].value)
    except (OSError, ValueError, KeyError, IndexError):
        return None
    return None


def _gauge(registry: CollectorRegistry, name: str, help: str, value: float) -> None:
    Gauge(name, help, registry=registry).set(value)
