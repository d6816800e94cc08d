"""What a scan has reported so far, as plain counters, and the speeds and estimates made from them.

The hooks only count. A display asks for a `View` a few times a second, and the sums are made then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from fleetscan.model import Outcome, Reason, RequestKind
from fleetscan.outlook import Outlook
from fleetscan.records.asked import Selection
from fleetscan.records.totals import NotScanned
from fleetscan.scanner.hooks import Hooks

# Long enough that single requests do not make the figures jump, short enough to show a pause.
REQUEST_WINDOW_S = 10.0


@dataclass(frozen=True, slots=True)
class View:
    """The state of a running scan at one moment. Speeds are per second; None means not known yet.

    More VMs than the `total` may come where they are not all listed.
    """

    phase: str
    total: int
    done: int
    assessed: int
    failed: int
    timed_out: int
    skipped: int
    running: int
    requests: int
    throttled: int
    starts_per_s: float
    polls_per_s: float
    waiting_for: str | None
    wait_s: float | None
    left_s: float | None
    to_start: int = 0
    typical_s: float | None = None
    is_listed: bool = True


class Speed:
    """How fast a counter, 0 at `began_at`, grew over the last `window_s` seconds; sampled at each call."""

    def __init__(self, window_s: float, began_at: float) -> None:
        self._window_s = window_s
        self._samples = deque([(began_at, 0)])

    def at(self, now: float, count: int) -> float:
        """Note that the counter stands at `count`; its growth a second since the window's first sample."""
        samples = self._samples
        samples.append((now, count))
        # The last sample before the window stays: without it, calls that are far apart would measure nothing.
        while samples[1][0] <= now - self._window_s:
            samples.popleft()
        since, before = samples[0]
        return (count - before) / (now - since) if now > since else 0.0


class Tally(Hooks):
    """Counts what the hooks report, from the moment `began_at` of the scan's clock."""

    def __init__(self, began_at: float) -> None:
        self._phase = ""
        self._total = 0
        self._is_listed = False
        self._ended = dict.fromkeys(Outcome, 0)
        self._sent = dict.fromkeys(RequestKind, 0)
        self._throttled = 0
        self._running = 0
        self._wait: tuple[float | None, str] = (None, "")
        self._starts = Speed(REQUEST_WINDOW_S, began_at)
        self._polls = Speed(REQUEST_WINDOW_S, began_at)
        self._outlook: Outlook | None = None

    def phase(self, name: str) -> None:
        """See Hooks."""
        self._phase = name

    def listed(self, total: int, skipped: int) -> None:
        """See Hooks."""
        self._total = total

    def selected(self, selection: Selection, not_scanned: Sequence[NotScanned], not_listed: int) -> None:
        """See Hooks."""
        self._is_listed = True

    def sent(self, kind: RequestKind) -> None:
        """See Hooks."""
        self._sent[kind] += 1

    def throttled(self, kind: RequestKind) -> None:
        """See Hooks."""
        self._throttled += 1

    def accepted(self) -> None:
        """See Hooks."""
        self._running += 1

    def finished(self) -> None:
        """See Hooks."""
        self._running -= 1

    def ended(self, outcome: Outcome, reason: Reason | None) -> None:
        """See Hooks."""
        self._ended[outcome] += 1

    def outlook(self, outlook: Outlook) -> None:
        """See Hooks."""
        self._outlook = outlook

    def waiting(self, until: float | None, what: str) -> None:
        """See Hooks."""
        self._wait = until, what

    def view(self, now: float) -> View:
        """The state of the scan at `now`."""
        ended, sent = self._ended, self._sent
        done = sum(ended.values())
        running = min(max(0, self._running), self._total - done)
        until, what = self._wait
        outlook = self._outlook
        is_waiting = bool(what) and (until is None or until > now)
        return View(
            phase=self._phase,
            total=self._total,
            done=done,
            assessed=ended[Outcome.ASSESSED],
            failed=ended[Outcome.FAILED],
            timed_out=ended[Outcome.TIMED_OUT],
            skipped=ended[Outcome.SKIPPED],
            running=running,
            requests=sum(sent.values()),
            throttled=self._throttled,
            starts_per_s=self._starts.at(now, sent[RequestKind.START]),
            polls_per_s=self._polls.at(now, sent[RequestKind.POLL] + sent[RequestKind.RESULT]),
            waiting_for=what if is_waiting else None,
            wait_s=until - now if is_waiting and until is not None else None,
            left_s=self._left_s(now),
            # Those too that wait for another try or a check: the numbers add up to the VMs listed.
            to_start=self._total - done - running,
            typical_s=None if outlook is None else outlook.typical_s,
            is_listed=self._is_listed,
        )

    def _left_s(self, now: float) -> float | None:
        """What was foretold, less the time since; no less than what the scan is waiting for."""
        if self._outlook is None or self._outlook.ends_at is None:
            return None
        until = self._wait[0] or now
        return max(self._outlook.ends_at - now, until - now, 0.0)
