"""The standards that settings name, read before anything is asked of Azure or of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from fleetscan.errors import Remedy, UsageError
from fleetscan.judgement.exceptions import PatchException, exceptions_of
from fleetscan.judgement.standards import Standards, standards_of
from fleetscan.runs.disk import reason
from fleetscan.runs.opening import open_to_read

# A rule for each of some thousand patches; a device has no end.
MOST_BYTES = 4 * 1024 * 1024


class Named(Protocol):
    """Settings that name standards, of a scan or of a report."""

    @property
    def fail_on(self) -> str | None:
        """The gates."""
        ...

    @property
    def sla(self) -> str | None:
        """The service levels."""
        ...

    @property
    def exceptions(self) -> str | None:
        """The file of exceptions."""
        ...

    @property
    def ignore_classification(self) -> tuple[str, ...]:
        """Kinds of patches that do not count."""
        ...


def read_standards(settings: Named, as_of: str | None = None) -> Standards:
    """What a run is judged by. Raises UsageError where a rule or the file of exceptions cannot be read."""
    exceptions = () if settings.exceptions is None else _exceptions_in(settings.exceptions)
    return standards_of(settings.fail_on, settings.sla, exceptions, settings.ignore_classification, as_of)


def _exceptions_in(path: str) -> tuple[PatchException, ...]:
    remedy = Remedy("name a TOML file with {exceptions}", {"exceptions": None})
    try:
        with open_to_read(Path(path)) as file:
            data = file.read(MOST_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"the exceptions {path} cannot be read: {reason(error)}", remedy) from error
    except UnicodeDecodeError as error:
        where = f"it is not UTF-8 at byte {error.start}"
        raise UsageError(f"the exceptions {path} cannot be read: {where}", remedy) from error
    if len(data) > MOST_BYTES:
        raise UsageError(f"the exceptions {path} have more than {MOST_BYTES:,} bytes", remedy)
    return exceptions_of(text, path)
