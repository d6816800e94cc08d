"""How a shard stands, as a small message that its worker sends once a second at most.

A message has all counts of its process from the beginning on, so that one that is lost does no harm. It is
plain JSON.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from fleetscan.errors import Remedy, ResumeCommand
from fleetscan.model import InventoryError, Outcome, Reason, RequestKind
from fleetscan.outlook import Outlook
from fleetscan.records.asked import Selection
from fleetscan.records.row import Row
from fleetscan.records.totals import NotScanned
from fleetscan.scanner.hooks import Hooks

Message: TypeAlias = dict[str, Any]
# What a message says of VMs that failed, where the driver shows each: a row has some kB.
MOST_ROWS = 100
FAILED = frozenset({"failed", "timed_out"})


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence for people: `kind` is the hook that told it."""

    kind: str
    sentence: str
    remedy: Remedy | None


class Standing(Hooks):
    """Counts what a shard's scan reports, and keeps what it says until it is sent. `clock` is the
    scan's own; `hide` takes secrets out of sentences.
    """

    def __init__(self, clock: Callable[[], float], hide: Callable[[str], str], *, is_verbose: bool) -> None:
        self._clock = clock
        self._hide = hide
        self._is_verbose = is_verbose
        self._phase = ""
        self._listed = (0, 0)
        self._subscriptions = 0
        self._is_listed = False
        self._running = 0
        self._ended = Counter[str]()
        self._sent = Counter[str]()
        self._throttled = Counter[str]()
        self._outlook: Outlook | None = None
        self._said: list[Message] = []
        self._errors: list[Message] = []
        self._rows: list[Row] = []

    def message(self) -> Message:
        """How the shard stands now; what people are told, and rows, are in one message each."""
        outlook = self._outlook
        said, self._said = self._said, []
        errors, self._errors = self._errors, []
        rows, self._rows = self._rows, []
        return {
            "phase": self._phase,
            "listed": list(self._listed),
            "is_listed": self._is_listed,
            "subscriptions": self._subscriptions,
            "running": self._running,
            "ended": dict(self._ended),
            "sent": dict(self._sent),
            "throttled": dict(self._throttled),
            "left_s": _left_s(outlook, self._clock()),
            "typical_s": None if outlook is None else outlook.typical_s,
            "said": said,
            "errors": errors,
            "rows": rows,
        }

    def phase(self, name: str) -> None:
        """See Hooks."""
        self._phase = name

    def listed(self, total: int, skipped: int) -> None:
        """See Hooks."""
        self._listed = total, skipped

    def counted(self, vms: int, subscriptions: int) -> None:
        """See Hooks."""
        self._subscriptions = subscriptions

    def selected(self, selection: Selection, not_scanned: Sequence[NotScanned], not_listed: int) -> None:
        """See Hooks."""
        self._is_listed = True

    def sent(self, kind: RequestKind) -> None:
        """See Hooks."""
        self._sent[kind.value] += 1

    def throttled(self, kind: RequestKind) -> None:
        """See Hooks."""
        self._throttled[kind.value] += 1

    def accepted(self) -> None:
        """See Hooks."""
        self._running += 1

    def finished(self) -> None:
        """See Hooks."""
        self._running -= 1

    def ended(self, outcome: Outcome, reason: Reason | None) -> None:
        """See Hooks."""
        self._ended[outcome.value] += 1

    def outlook(self, outlook: Outlook) -> None:
        """See Hooks."""
        self._outlook = outlook

    def row(self, row: Row) -> None:
        """See Hooks."""
        if self._is_verbose and row["outcome"] in FAILED and len(self._rows) < MOST_ROWS:
            self._rows.append(row)

    def note(self, sentence: str, remedy: Remedy | None = None) -> None:
        """See Hooks."""
        self._said.append(said("note", self._hide(sentence), remedy))

    def warning(self, sentence: str, remedy: Remedy | None = None) -> None:
        """See Hooks."""
        self._said.append(said("warning", self._hide(sentence), remedy))

    def inventory_error(self, error: InventoryError) -> None:
        """See Hooks."""
        named = ("subscription_id", "code", "message", "http_status")
        told: Message = {name: getattr(error, name) for name in named}
        self._errors.append({**told, "message": error.message and self._hide(error.message)})


def said(kind: str, sentence: str, remedy: Remedy | None) -> Message:
    """A sentence as a message has it. A command that resumes a shard is left out: the scan goes on whole."""
    told: Message = {"kind": kind, "sentence": sentence, "remedy": None}
    if remedy is not None and not any(isinstance(value, ResumeCommand) for value in remedy.settings.values()):
        told["remedy"] = {"template": remedy.template, "settings": _plain(remedy.settings)}
    return told


def told_by(message: Message) -> Told:
    """What `said` wrote."""
    remedy = message["remedy"]
    read = None if remedy is None else Remedy(remedy["template"], remedy["settings"])
    return Told(message["kind"], message["sentence"], read)


def _plain(settings: Mapping[str, object]) -> dict[str, object]:
    """Values as every message can have them."""
    kept = (str, int, float, bool, type(None))
    return {name: value if isinstance(value, kept) else str(value) for name, value in settings.items()}


def _left_s(outlook: Outlook | None, now: float) -> float | None:
    if outlook is None or outlook.ends_at is None:
        return None
    return max(0.0, outlook.ends_at - now)
