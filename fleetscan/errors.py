"""The exceptions of fleetscan: what a person must mend, each with the exit code it ends in.

Weather (resets, throttling, malformed replies) is never an exception: it is a `model.Reply`.

    FleetscanError
    ├── UsageError            2  a flag, a setting, an inventory file, an endpoint
    │   ├── RunExistsError    2  an --out that already holds a run
    │   ├── LockedError       2  an --out that another scan is writing
    │   ├── CannotResumeError 2  an --out that this scan cannot go on with
    │   └── InventoryFileError 2 a line of an inventory file that is no machine
    ├── CannotScanError       4  nothing could be started or written
    │   ├── CredentialError   4  no token could be had
    │   ├── TokenRefusedError 4  Azure refuses the token (5 once something was started)
    │   ├── NothingListedError 4 no part of the fleet could be listed
    │   └── CannotWriteError  4  the run directory could not be made or taken up
    ├── OutputError           5  the run directory stopped taking rows
    ├── StoppedError          5  told to stop before the end
    └── BugError             70  too many replies broke our own code
        └── BrokenIdentityError 70 the totals do not add up

Each message is a sentence that says what happened, where, and what to do.
"""

from __future__ import annotations

from typing import ClassVar


class FleetscanError(Exception):
    """What a person must mend. `exit_code` is the process's when nothing else was said."""

    exit_code: ClassVar[int] = 70


class UsageError(FleetscanError):
    """A setting, file or argument that cannot be used as it is."""

    exit_code: ClassVar[int] = 2


class RunExistsError(UsageError):
    """The output directory already holds a run, and no run overwrites another."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} already holds a run; name another with --out, or go on with this one: --resume"


class LockedError(UsageError):
    """Another scan is writing into the directory."""

    def __init__(self, path: str, holder: str) -> None:
        super().__init__(path, holder)
        self.path = path
        self.holder = holder

    def __str__(self) -> str:
        return (
            f"{self.path} is being written by {self.holder}; let it end, or name another directory with --out"
        )


class CannotResumeError(UsageError):
    """The run in a directory is not one that this scan can go on with."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, why)
        self.path = path
        self.why = why

    def __str__(self) -> str:
        return f"{self.path} cannot be resumed: {self.why}"


class InventoryFileError(UsageError):
    """A line of an inventory file does not say which machine it means."""

    def __init__(self, path: str, line: int, why: str, got: str) -> None:
        super().__init__(path, line, why, got)
        self.path = path
        self.line = line
        self.why = why
        self.got = got

    def __str__(self) -> str:
        return (
            f"{self.path}, line {self.line}: {self.why}; got {self.got!r}. "
            "Each line is one resource id, or a JSON object with 'resource_id' or 'id'"
        )


class CannotScanError(FleetscanError):
    """The scan could not begin."""

    exit_code: ClassVar[int] = 4


class CredentialError(CannotScanError):
    """No token could be had from any credential."""


class TokenRefusedError(CannotScanError):
    """Azure answered 401 and went on doing so with a fresh token."""


class NothingListedError(CannotScanError):
    """Every part of the fleet that was asked for failed to be listed."""


class CannotWriteError(CannotScanError):
    """The run directory, or a file in it, could not be made or taken up, so nothing was started."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, why)
        self.path = path
        self.why = why

    def __str__(self) -> str:
        return f"{self.path} cannot be written ({self.why}); mend that, or name another directory with --out"


class OutputError(FleetscanError):
    """A file of a run that had begun could no longer be written; whole rows alone are in it."""

    exit_code: ClassVar[int] = 5

    def __init__(self, path: str, why: str, remedy: str) -> None:
        super().__init__(path, why, remedy)
        self.path = path
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.path} could not be written ({self.why}); {self.remedy}"


class StoppedError(FleetscanError):
    """The scan was told to stop."""

    exit_code: ClassVar[int] = 5


class BugError(FleetscanError):
    """Our own code is wrong too often for the scan to be trusted."""

    exit_code: ClassVar[int] = 70


class BrokenIdentityError(BugError):
    """The run's own sums do not add up."""
