"""All shards' standing, told to hooks as if one scan had told it: a display, a log, monitoring.

What a shard counted in a process that died stays counted; what it finds done when it goes on is not counted
twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from fleetscan.cluster.standing import Message, told_by
from fleetscan.model import InventoryError, Outcome, RequestKind
from fleetscan.outlook import Outlook
from fleetscan.records.asked import Selection
from fleetscan.scanner.hooks import Hooks

# A worker tells how its shard stands each second.
SILENT_S = 10.0


@dataclass(slots=True)
class _Shard:
    """The last message of a shard, and what its earlier processes had sent."""

    process: str = ""
    last: Message = field(default_factory=dict)
    ended: Counter[str] = field(default_factory=Counter)
    sent_before: Counter[str] = field(default_factory=Counter)
    throttled_before: Counter[str] = field(default_factory=Counter)
    heard_at: float = 0.0

    def take(self, process: str, message: Message, now: float) -> None:
        self.heard_at = now
        if process != self.process:
            self.sent_before.update(self.last.get("sent", {}))
            self.throttled_before.update(self.last.get("throttled", {}))
            self.process = process
        self.last = message
        # One that goes on counts again, bit by bit, what is done.
        self.ended |= Counter(message["ended"])

    def left_s(self, now: float) -> float | None:
        """How much longer it takes; None where that is not known, or it waits for a worker to go on."""
        left_s: float | None = self.last["left_s"]
        return left_s if left_s == 0.0 or now - self.heard_at < SILENT_S else None

    def sent(self) -> Counter[str]:
        return self.sent_before + Counter(self.last["sent"])

    def throttled(self) -> Counter[str]:
        return self.throttled_before + Counter(self.last["throttled"])


class Fleet:
    """Sums what the `of` shards of the scan of `selection` tell, and tells `hooks`, of the same `clock`."""

    def __init__(
        self, hooks: Hooks, of: int, selection: Selection, clock: Callable[[], float], *, is_by_vm: bool
    ) -> None:
        self._hooks = hooks
        self._selection = selection
        self._clock = clock
        self._is_by_vm = is_by_vm
        self._of = of
        self._shards: dict[int, _Shard] = {}
        self._ended = Counter[str]()
        self._sent = Counter[str]()
        self._throttled = Counter[str]()
        self._running = 0
        self._phase = ""
        self._is_listed = False

    def take(self, number: int, process: str, message: Message) -> None:
        """A message of the shard `number`, from the process of this name."""
        shard = self._shards.setdefault(number, _Shard())
        shard.take(process, message, self._clock())
        self._tell_standing()
        self._say(number, message)

    def end(self, number: int) -> None:
        """No process works on the shard any more, for now or for good: nothing of it is watched."""
        if (shard := self._shards.get(number)) is not None:
            shard.last = {**shard.last, "running": 0, "left_s": 0.0}
            self._tell_standing()

    def _tell_standing(self) -> None:
        hooks, shards = self._hooks, self._shards.values()
        phase = "scanning" if any(each.last["phase"] == "scanning" for each in shards) else "listing"
        if phase != self._phase:
            self._phase = phase
            hooks.phase(phase)
        total, skipped = (sum(each.last["listed"][place] for each in shards) for place in (0, 1))
        hooks.listed(total, skipped)
        self._tell_counts()
        running = sum(each.last["running"] for each in shards)
        for _ in range(running - self._running):
            hooks.accepted()
        for _ in range(self._running - running):
            hooks.finished()
        self._running = running
        if not self._is_listed and self._are_all_listed():
            self._is_listed = True
            hooks.counted(total, self._subscriptions())
            hooks.selected(self._selection, [], 0)
        self._tell_outlook(total)

    def _tell_counts(self) -> None:
        ended, sent, throttled = Counter[str](), Counter[str](), Counter[str]()
        for shard in self._shards.values():
            ended += shard.ended
            sent += shard.sent()
            throttled += shard.throttled()
        for outcome in (ended - self._ended).elements():
            self._hooks.ended(Outcome(outcome), None)
        for kind in (sent - self._sent).elements():
            self._hooks.sent(RequestKind(kind))
        for kind in (throttled - self._throttled).elements():
            self._hooks.throttled(RequestKind(kind))
        self._ended |= ended
        self._sent |= sent
        self._throttled |= throttled

    def _are_all_listed(self) -> bool:
        return sum(bool(each.last["is_listed"]) for each in self._shards.values()) == self._of

    def _subscriptions(self) -> int:
        """How many have VMs: of shards that are cut VM by VM each has all of them."""
        counts = [each.last["subscriptions"] for each in self._shards.values()]
        return max(counts) if self._is_by_vm else sum(counts)

    def _tell_outlook(self, total: int) -> None:
        """The scan ends with its last shard; when is not known while one does not know."""
        now = self._clock()
        left = [each.left_s(now) for each in self._shards.values()]
        known = [each for each in left if each is not None]
        if not known:
            return
        is_whole = len(known) == self._of
        ages = [
            each.last["typical_s"] for each in self._shards.values() if each.last["typical_s"] is not None
        ]
        self._hooks.outlook(
            Outlook(
                ends_at=now + max(known) if is_whole else None,
                to_start=max(0, total - sum(self._ended.values()) - self._running),
                running=self._running,
                typical_s=max(ages, default=None),
            )
        )

    def _say(self, number: int, message: Message) -> None:
        for row in message["rows"]:
            self._hooks.row(row)
        for error in message["errors"]:
            self._hooks.inventory_error(InventoryError(**error))
        for told in map(told_by, message["said"]):
            tell = self._hooks.warning if told.kind == "warning" else self._hooks.note
            tell(f"shard {number} of {self._of}: {told.sentence}", told.remedy)
