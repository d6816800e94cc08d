"""What `import fleetscan` offers, and that it costs nothing until it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import fleetscan
from fleetscan import errors


def test_the_public_names_are_these_in_order() -> None:
    assert fleetscan.__all__ == [
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


@pytest.mark.parametrize("name", fleetscan.__all__)
def test_each_is_there_and_says_what_it_is_for(name: str) -> None:
    assert getattr(fleetscan, name).__doc__


def test_every_error_there_is_is_public() -> None:
    ours = {
        name for name, value in vars(errors).items() if isinstance(value, type) and name.endswith("Error")
    }
    assert ours <= set(fleetscan.__all__)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'fleetscan' has no attribute 'scanner_of_dreams'"):
        fleetscan.scanner_of_dreams  # type: ignore[attr-defined]  # noqa: B018


def test_importing_it_loads_no_client_and_no_command_line() -> None:
    loaded = (
        "import sys, fleetscan; print([m for m in ('aiohttp', 'anyio', 'click', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
