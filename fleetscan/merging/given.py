"""A run that is to be merged: which shard it is, whose VMs it scanned again, and whether it is whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fleetscan.errors import OTHER_VERSION, CannotReadRunError, FleetscanError, Remedy
from fleetscan.records.asked import RETRIED_SCAN_ID
from fleetscan.records.run import RunFacts, ShardSubscription, Source
from fleetscan.runs.directory import JOURNAL, RUN
from fleetscan.runs.found import by_journal, moment_of
from fleetscan.runs.journal import is_held
from fleetscan.runs.reader import Run, open_run
from fleetscan.shards import Shard

SHARD, SHARD_BY = "shard", "shard_by"
WHOLE_SUBSCRIPTIONS = "subscription"
BY_VM = "vm"


@dataclass(slots=True, eq=False)
class Given:
    """One run that was named `name`, and which `shard` it is of a scan that was divided `by` size, by VM, ...

    `rows` of its rows stand in the merged run.
    """

    name: str
    run: Run
    shard: Shard | None
    by: str
    rows: int = 0

    @property
    def facts(self) -> RunFacts:
        """Its run.json."""
        return self.run.facts

    @property
    def scan_id(self) -> str:
        """Its id."""
        return self.facts["scan_id"]

    @property
    def retries(self) -> str | None:
        """The id of the run whose VMs it scanned again; None where it did not."""
        told = self.facts["selection"].get(RETRIED_SCAN_ID)
        return told if isinstance(told, str) else None

    @property
    def seen(self) -> Sequence[ShardSubscription] | None:
        """The subscriptions that it saw as a shard; None where it was not told them."""
        scope = self.facts["scope"]["shard"]
        return None if scope is None else scope["subscriptions"]

    @property
    def is_held(self) -> bool:
        """Whether a live process is at work on it."""
        try:
            return is_held(self.run.path / JOURNAL)
        except FleetscanError:
            # A file system without locks does not tell.
            return False

    def __str__(self) -> str:
        return self.name if self.shard is None else f"shard {self.shard} ({self.name})"

    def source(self) -> Source:
        """What the merged run's run.json tells of it."""
        return {
            "path": self.name,
            "scan_id": self.scan_id,
            "shard": None if self.shard is None else str(self.shard),
            "retries": self.retries,
            "started_at": self.facts["started_at"],
            "finished_at": self.facts["finished_at"],
            "exit_code": self.facts["exit_code"],
            "rows": self.rows,
        }


@dataclass(slots=True)
class Family:
    """A run and those that scanned VMs of it again, the last one first."""

    base: Given
    retries: list[Given]

    @property
    def members(self) -> list[Given]:
        """All of them, each after those whose rows stand instead of its own."""
        return [*self.retries, self.base]


def given(name: str, path: Path) -> Given:
    """The run in the directory `path`, named `name`; raises CannotReadRunError where it cannot be read."""
    try:
        run = open_run(path)
    except CannotReadRunError as error:
        if error.remedy is not OTHER_VERSION and by_journal(path) is not None:
            why = f"{error.why}; it may have been stopped before its VMs were listed"
            what = "resume it first, or leave it out: a shard that is left out counts as missing"
            raise CannotReadRunError(str(path), why, Remedy(what)) from error
        raise
    try:
        told = run.facts["started_at"], run.facts["finished_at"]
        _ = [moment_of(each) for each in told if each is not None]
    except ValueError as error:
        raise CannotReadRunError(str(path), f"{RUN} tells a time that is none") from error
    return Given(name, run, *_shard_of(run))


def _shard_of(run: Run) -> tuple[Shard | None, str]:
    """Which shard the run is, and how its scan was divided."""
    scope, selection = run.facts["scope"]["shard"], run.facts["selection"]
    if scope is not None:
        told, by = f"{scope['number']}/{scope['of']}", str(scope["by"])
    elif selection.get(SHARD):
        # Before its VMs are listed, a shard has no scope.
        told, by = str(selection[SHARD]), str(selection.get(SHARD_BY) or WHOLE_SUBSCRIPTIONS)
    else:
        return None, WHOLE_SUBSCRIPTIONS
    try:
        return Shard.of_text(told), by
    except ValueError as error:
        why = f"it says that it is shard {told:.80}, and no scan is divided so"
        raise CannotReadRunError(str(run.path), why) from error
