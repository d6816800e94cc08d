"""What a scan has told so far, as plain counters, and the speeds and guesses a person reads off them.

The hooks only count: whoever draws asks for a `View` a few times a second at most, and pays for the sums.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from fleetscan.model import Outcome, Reason, RequestKind
from fleetscan.scanner.hooks import Hooks

# Long enough that single requests do not make the figures jump, short enough to show a pause.
REQUEST_WINDOW_S = 10.0
# Machines end in bursts, minutes after their starts: the guess of the time left looks back further.
ENDING_WINDOW_S = 60.0


@dataclass(frozen=True, slots=True)
class View:
    """One look at a running scan. A speed is a second's; None stands for what nobody can tell yet."""

    phase: str
    total: int
    done: int
    assessed: int
    failed: int
    skipped: int
    in_flight: int
    requests: int
    throttled: int
    starts_per_s: float
    polls_per_s: float
    waiting_for: str | None
    wait_s: float | None
    left_s: float | None


class Speed:
    """How fast a counter, 0 at `began_at`, grew over the last `window_s` seconds; sampled at each look."""

    def __init__(self, window_s: float, began_at: float) -> None:
        self._window_s = window_s
        self._samples = deque([(began_at, 0)])

    def at(self, now: float, count: int) -> float:
        """Note that the counter stands at `count`; its growth a second since the window's first sample."""
        samples = self._samples
        samples.append((now, count))
        # The last sample before the window stays: without it rare looks would measure nothing.
        while samples[1][0] <= now - self._window_s:
            samples.popleft()
        since, before = samples[0]
        return (count - before) / (now - since) if now > since else 0.0


class Tally(Hooks):
    """Counts what the hooks tell, from the moment `began_at` of the clock the scan runs by."""

    def __init__(self, began_at: float) -> None:
        self._phase = ""
        self._total = 0
        self._ended = dict.fromkeys(Outcome, 0)
        self._sent = dict.fromkeys(RequestKind, 0)
        self._throttled = 0
        self._in_flight = 0
        self._wait: tuple[float | None, str] = (None, "")
        self._starts = Speed(REQUEST_WINDOW_S, began_at)
        self._polls = Speed(REQUEST_WINDOW_S, began_at)
        self._endings = Speed(ENDING_WINDOW_S, began_at)

    def phase(self, name: str) -> None:
        """See Hooks."""
        self._phase = name

    def listed(self, total: int, skipped: int) -> None:
        """See Hooks."""
        self._total = total

    def sent(self, kind: RequestKind) -> None:
        """See Hooks."""
        self._sent[kind] += 1

    def throttled(self, kind: RequestKind) -> None:
        """See Hooks."""
        self._throttled += 1

    def accepted(self) -> None:
        """See Hooks."""
        self._in_flight += 1

    def finished(self) -> None:
        """See Hooks."""
        self._in_flight -= 1

    def ended(self, outcome: Outcome, reason: Reason | None) -> None:
        """See Hooks."""
        self._ended[outcome] += 1

    def waiting(self, until: float | None, what: str) -> None:
        """See Hooks."""
        self._wait = until, what

    def view(self, now: float) -> View:
        """How the scan stands at `now`."""
        ended, sent = self._ended, self._sent
        done = sum(ended.values())
        until, what = self._wait
        is_waiting = bool(what) and (until is None or until > now)
        return View(
            phase=self._phase,
            total=self._total,
            done=done,
            assessed=ended[Outcome.ASSESSED],
            failed=ended[Outcome.FAILED] + ended[Outcome.TIMED_OUT],
            skipped=ended[Outcome.SKIPPED],
            in_flight=max(0, self._in_flight),
            requests=sum(sent.values()),
            throttled=self._throttled,
            starts_per_s=self._starts.at(now, sent[RequestKind.START]),
            polls_per_s=self._polls.at(now, sent[RequestKind.POLL] + sent[RequestKind.RESULT]),
            waiting_for=what if is_waiting else None,
            wait_s=until - now if is_waiting and until is not None else None,
            left_s=self._left_s(now, done),
        )

    def _left_s(self, now: float, done: int) -> float | None:
        """The rest at the speed of the last endings; unknown until a machine that was asked has ended."""
        per_s = self._endings.at(now, done - self._ended[Outcome.SKIPPED])
        return (self._total - done) / per_s if per_s > 0 else None
