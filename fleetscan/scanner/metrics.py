"""Writes the metrics file at the end of a scan: for monitoring alone, so whatever goes wrong is a warning."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from pathlib import Path

from fleetscan.errors import Remedy
from fleetscan.runs.disk import reason
from fleetscan.scanner.hooks import Conclusion, Hooks
from fleetscan.telemetry.figures import Figure, figures, is_success

# A file system that does not answer holds up the end of a scan no longer than this.
WITHIN_S = 5.0


def keep_metrics(file: str, end: Conclusion, hooks: Hooks) -> None:
    """Write the figures of a scan that ended so to `file`, or warn that they are not there."""
    found = list(figures(end.exit_code, end.totals, end.requests))
    failed: list[str] = []
    work = threading.Thread(
        target=_write,
        args=(Path(file), found, ended_at(end), is_success(end.exit_code), failed),
        name="fleetscan-metrics",
        daemon=True,
    )
    work.start()
    work.join(WITHIN_S)
    why = f"no answer within {WITHIN_S:.0f} s" if work.is_alive() else next(iter(failed), None)
    if why is not None:
        remedy = Remedy("check {metrics_file}", {"metrics_file": file})
        hooks.warning(f"the metrics file {file} cannot be written: {why}", remedy)


def ended_at(end: Conclusion) -> float:
    """When the run ended, in seconds since 1970: for one that was finished before, some time ago."""
    if end.totals is None:
        return time.time()
    return datetime.fromisoformat(end.totals["finished_at"]).timestamp()


def _write(path: Path, found: list[Figure], at: float, is_complete: bool, failed: list[str]) -> None:
    try:
        # Loaded where it is asked for: it takes longer than the writing.
        from fleetscan.telemetry.metrics_file import write_figures

        write_figures(path, found, at, is_success=is_complete)
    except OSError as error:
        failed.append(reason(error))
    except Exception as error:  # noqa: BLE001 - no figure is worth the exit code of a scan
        failed.append(repr(error))
