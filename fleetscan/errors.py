"""The exceptions of fleetscan: what a person must mend, each with the exit code it ends in.

Weather (resets, throttling, malformed replies) is never an exception: it is a `model.Reply`.

    FleetscanError
    ├── UsageError             2  a setting, an inventory file, an endpoint
    │   ├── SettingError       2  a setting with a value that it may not hold
    │   ├── RunExistsError     2  an output directory that already holds a run
    │   ├── LockedError        2  an output directory that another scan is writing
    │   ├── CannotResumeError  2  a run that this scan cannot go on with
    │   ├── CannotReadRunError 2  a directory without a run that can be read
    │   ├── HistoryError       2  a history file that cannot be used for what is asked
    │   └── InventoryFileError 2  a line of an inventory file that is no VM
    ├── CannotScanError        4  nothing could be started or written
    │   ├── CredentialError    4  no token
    │   ├── TokenRefusedError  4  Azure refuses the token (5 once something was started)
    │   ├── NothingListedError 4  no part of the fleet could be listed
    │   └── CannotWriteError   4  the run directory cannot be made or written
    ├── OutputError            5  a file of a run that had begun can no longer be written
    ├── StoppedError           5  told to stop before the end
    └── BugError              70  too many replies broke our own code
        └── BrokenIdentityError 70 the totals do not add up

Each says what happened, where, and what to do. What to do is data: a library names its fields, and the
command line puts its flags in their place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, TypeAlias

from fleetscan.places import told as told_places

Spelling: TypeAlias = Callable[[str, object], str]
"""How a setting is written: its field's name, and the value to give it, or None where any will do.

A ResumeCommand in the value's place is written as what a person types, or a program calls, to resume a run.
"""


@dataclass(frozen=True, slots=True)
class ResumeCommand:
    """The whole command, or call, that resumes the run in `directory`: not a setting, but spelled like one.

    `endpoint` is None where the run's own is taken without being said again.
    """

    directory: str
    endpoint: str | None = None


def in_python(name: str, value: object) -> str:
    """A setting as a Python program writes it: `out`, `resume=True`; a command as a call."""
    if isinstance(value, ResumeCommand):
        more = "" if value.endpoint is None else f", endpoint={value.endpoint!r}"
        return f"fleetscan.resume({value.directory!r}{more})"
    return name if value is None else f"{name}={value!r}"


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do, in a sentence of ours in which {name} stands for a setting; `settings` has their values."""

    template: str
    settings: Mapping[str, object] = field(default_factory=dict)

    def told(self, spell: Spelling = in_python) -> str:
        """The sentence, with the settings as `spell` writes them."""
        return self.template.format_map({name: spell(name, value) for name, value in self.settings.items()})

    def __str__(self) -> str:
        return self.told()


OTHER_VERSION = Remedy("use the version of fleetscan that wrote it, or a newer one")
ANOTHER_DIRECTORY = Remedy("to scan anew, begin a scan in another directory with {out}", {"out": None})


def resume_with(command: ResumeCommand, first: str = "") -> Remedy:
    """To resume a run, after what has to be done `first`. The command comes last, to be copied."""
    template = "resume with: {resume_command}"
    return Remedy(f"{first}, then {template}" if first else template, {"resume_command": command})


class FleetscanError(Exception):
    """What a person must mend: `what` happened, and the `remedy`, None where `what` says it all.

    `details` are lines that say more, the most useful first; `exit_code` is the process's when nothing else
    was said.
    """

    exit_code: ClassVar[int] = 70

    def __init__(self, what: str, remedy: Remedy | None = None, details: tuple[str, ...] = ()) -> None:
        what = told_places(what)
        super().__init__(what, remedy, details)
        self.what = what
        self.remedy = remedy
        self.details = details

    def told(self, spell: Spelling = in_python) -> str:
        """The whole sentence, with the settings as `spell` writes them."""
        return self.what if self.remedy is None else f"{self.what}; {self.remedy.told(spell)}"

    def __str__(self) -> str:
        return "\n  ".join((self.told(), *self.details))


class UsageError(FleetscanError):
    """A setting, file or argument that cannot be used as it is."""

    exit_code: ClassVar[int] = 2


class SettingError(UsageError):
    """A setting holds a value that it may not hold; `clause` says what it must be."""

    def __init__(self, name: str, clause: str) -> None:
        super().__init__(f"{name} {clause}")
        self.name = name
        self.clause = clause

    def told(self, spell: Spelling = in_python) -> str:
        return f"{spell(self.name, None)} {self.clause}"


class RunExistsError(UsageError):
    """The output directory already holds a run, and no run overwrites another."""

    def __init__(self, path: str, command: ResumeCommand | None = None) -> None:
        first = "name another directory with {out}"
        remedy = Remedy(first, {"out": None})
        if command is not None:
            template = f"{first}; if it is unfinished, resume with: {{resume_command}}"
            remedy = Remedy(template, {"out": None, "resume_command": command})
        super().__init__(f"{path} already holds a run", remedy)
        self.path = path


class LockedError(UsageError):
    """Another scan is writing into the directory."""

    def __init__(self, path: str, holder: str) -> None:
        remedy = Remedy("wait until it ends; if it hangs, end it, and the run can be resumed")
        super().__init__(f"{path} is being written by {holder}", remedy)
        self.path = path
        self.holder = holder


class CannotResumeError(UsageError):
    """The run in a directory is not one that this scan can go on with."""

    def __init__(self, path: str, why: str, remedy: Remedy = ANOTHER_DIRECTORY) -> None:
        super().__init__(f"{path} cannot be resumed: {why}", remedy)
        self.path = path
        self.why = why


class CannotReadRunError(UsageError):
    """A directory holds no run that can be read."""

    def __init__(self, path: str, why: str, remedy: Remedy | None = None) -> None:
        super().__init__(f"{path} cannot be read as a run: {why}", remedy)
        self.path = path
        self.why = why


class HistoryError(UsageError):
    """A history file cannot be read, or cannot take in a run."""

    def __init__(self, path: str, why: str, remedy: Remedy | None = None) -> None:
        super().__init__(f"the history {path} {why}", remedy)
        self.path = path
        self.why = why


class InventoryFileError(UsageError):
    """A line of an inventory file does not say which VM it means."""

    def __init__(self, path: str, line: int, why: str, got: str) -> None:
        remedy = Remedy("write one resource id, or a JSON object with 'resource_id' or 'id', on each line")
        super().__init__(f"{path}, line {line}: {why}; got {got!r}", remedy)
        self.path = path
        self.line = line
        self.why = why
        self.got = got


class CannotScanError(FleetscanError):
    """The scan could not begin."""

    exit_code: ClassVar[int] = 4


class CredentialError(CannotScanError):
    """There is no token to sign in with. `is_decided` says that asking again gives none either."""

    is_decided = False


class TokenRefusedError(CannotScanError):
    """Azure answered 401 and went on doing so with a fresh token."""


class NothingListedError(CannotScanError):
    """Every part of the fleet that was asked for failed to be listed."""


class CannotWriteError(CannotScanError):
    """The run directory, or a file in it, cannot be made or written, so nothing was started."""

    def __init__(self, path: str, why: str, remedy: Remedy | None = None) -> None:
        remedy = remedy or Remedy("fix that, or scan into another directory: {out}", {"out": None})
        super().__init__(f"{path} cannot be written ({why})", remedy)
        self.path = path
        self.why = why


class OutputError(FleetscanError):
    """A file of a run that had begun can no longer be written; whole rows alone are in it."""

    exit_code: ClassVar[int] = 5

    def __init__(self, path: str, why: str, remedy: Remedy) -> None:
        super().__init__(f"{path} cannot be written any more ({why})", remedy)
        self.path = path
        self.why = why

    def name_endpoint(self, endpoint: str) -> None:
        """Have the command that resumes the run say its `endpoint`; the files do not know it."""
        if self.remedy is not None:
            settings = {
                name: replace(value, endpoint=endpoint) if isinstance(value, ResumeCommand) else value
                for name, value in self.remedy.settings.items()
            }
            self.remedy = Remedy(self.remedy.template, settings)


class StoppedError(FleetscanError):
    """The scan was told to stop."""

    exit_code: ClassVar[int] = 5


class BugError(FleetscanError):
    """Our own code is wrong too often for the scan to be trusted."""

    exit_code: ClassVar[int] = 70


class BrokenIdentityError(BugError):
    """The run's own sums do not add up."""


def mendable(error: Exception) -> Exception:
    """The one error in task groups' groups that a person can mend; a bug stays as it is, with all of it."""
    if not isinstance(error, ExceptionGroup):
        return error
    ours, bugs = error.split(FleetscanError)
    first: Exception = error if bugs is not None or ours is None else ours
    while isinstance(first, ExceptionGroup) and (len(first.exceptions) == 1 or bugs is None):
        first = first.exceptions[0]
    return first
