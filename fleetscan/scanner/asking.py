"""What the settings ask for, as records tell it, with what the names in them stand for at this moment."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

from fleetscan.errors import CannotReadRunError, FleetscanError
from fleetscan.inventory.from_file import run_of
from fleetscan.places import is_url
from fleetscan.records.asked import INVENTORY_SHA256, RETRIED_SCAN_ID, Selection
from fleetscan.runs.found import run_path
from fleetscan.runs.opening import open_to_read
from fleetscan.runs.reader import open_run
from fleetscan.runs.zstd import open_rows
from fleetscan.scanner.policy import asked_of
from fleetscan.settings.declared import Settings
from fleetscan.settings.selecting import ListSettings


def selection_of(settings: ListSettings) -> Selection:
    """The selection that `settings` make. What cannot be read is null, and refused where it is used."""
    return {
        **asked_of(settings),
        INVENTORY_SHA256: None if settings.inventory is None else _sha256(settings.inventory),
        RETRIED_SCAN_ID: _scan_id(settings),
    }


def _sha256(inventory: str) -> str | None:
    """The digest of an inventory file's bytes; None for an input that can be read only once."""
    path = Path(inventory)
    try:
        if inventory != "-" and (path.is_dir() or is_url(inventory)) and (run := run_of(path)) is not None:
            with open_rows(run.path) as rows:
                return hashlib.file_digest(rows, "sha256").hexdigest()
        if inventory == "-" or not stat.S_ISREG(path.stat().st_mode):
            return None
        with open_to_read(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError, CannotReadRunError):
        return None


def _scan_id(settings: ListSettings) -> str | None:
    """The id of the run to retry, which has an id of its own under whatever name."""
    if not isinstance(settings, Settings) or settings.retry_failed is None:
        return None
    runs = None if settings.runs is None else Path(settings.runs)
    try:
        return open_run(run_path(settings.retry_failed, runs)).facts["scan_id"]
    except FleetscanError:
        return None
