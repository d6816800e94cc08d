"""fleetscan assesses missing patches on every virtual machine of an Azure fleet.

What a Python program uses is here; everything else is private, but for `fleetscan.simulator`
and `fleetscan.otel`.

    async with fleetscan.scan(fleetscan.Settings(limit=5)) as live:
        async for row in live:
            print(row["name"], row["outcome"])
    plan = await fleetscan.plan(fleetscan.Settings())
    run = fleetscan.open_run("fleetscan-runs/latest")
"""

from importlib import import_module
from typing import TYPE_CHECKING

from fleetscan.version import __version__

if TYPE_CHECKING:
    from fleetscan.cluster.live import scan_on_dask
    from fleetscan.errors import (
        BrokenIdentityError,
        BugError,
        CannotReadRunError,
        CannotResumeError,
        CannotScanError,
        CannotWriteError,
        CredentialError,
        FleetscanError,
        HistoryError,
        InventoryFileError,
        LockedError,
        NothingListedError,
        OutputError,
        Remedy,
        RunExistsError,
        SettingError,
        StoppedError,
        TokenRefusedError,
        UsageError,
    )
    from fleetscan.model import InventoryError, Outcome, Reason, RequestKind
    from fleetscan.planning.planner import plan
    from fleetscan.records.plan import Plan
    from fleetscan.records.row import Row
    from fleetscan.records.totals import Totals
    from fleetscan.runs.reader import Run, open_run
    from fleetscan.scanner.hooks import Conclusion, Hooks, Opening
    from fleetscan.scanner.live import LiveScan, resume, scan
    from fleetscan.scanner.summary import ScanSummary
    from fleetscan.settings.declared import Settings

__all__ = [
    "BrokenIdentityError",
    "BugError",
    "CannotReadRunError",
    "CannotResumeError",
    "CannotScanError",
    "CannotWriteError",
    "Conclusion",
    "CredentialError",
    "FleetscanError",
    "HistoryError",
    "Hooks",
    "InventoryError",
    "InventoryFileError",
    "LiveScan",
    "LockedError",
    "NothingListedError",
    "Opening",
    "Outcome",
    "OutputError",
    "Plan",
    "Reason",
    "Remedy",
    "RequestKind",
    "Row",
    "Run",
    "RunExistsError",
    "ScanSummary",
    "SettingError",
    "Settings",
    "StoppedError",
    "TokenRefusedError",
    "Totals",
    "UsageError",
    "__version__",
    "open_run",
    "plan",
    "resume",
    "scan",
    "scan_on_dask",
]

_HOMES = {
    "Conclusion": "fleetscan.scanner.hooks",
    "Hooks": "fleetscan.scanner.hooks",
    "InventoryError": "fleetscan.model",
    "LiveScan": "fleetscan.scanner.live",
    "Opening": "fleetscan.scanner.hooks",
    "Outcome": "fleetscan.model",
    "Plan": "fleetscan.records.plan",
    "Reason": "fleetscan.model",
    "RequestKind": "fleetscan.model",
    "Row": "fleetscan.records.row",
    "Run": "fleetscan.runs.reader",
    "ScanSummary": "fleetscan.scanner.summary",
    "Settings": "fleetscan.settings.declared",
    "Totals": "fleetscan.records.totals",
    "open_run": "fleetscan.runs.reader",
    "plan": "fleetscan.planning.planner",
    "resume": "fleetscan.scanner.live",
    "scan": "fleetscan.scanner.live",
    "scan_on_dask": "fleetscan.cluster.live",
}


# Type checkers take the names from the imports above, and so still find a wrong one.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOMES.get(name, "fleetscan.errors")), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
