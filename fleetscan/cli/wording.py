"""A running scan in words: the lines of a log, and the parts of a display."""

from __future__ import annotations

from fleetscan import places
from fleetscan.cli.tally import View
from fleetscan.model import InventoryError
from fleetscan.report.figures import MINUTE_S, counted, duration
from fleetscan.report.sanitize import sanitize

SENTENCE_LIMIT_CHARS = 500
# Shorter waits are part of normal work.
SHORT_WAIT_S = 1.0
# Less is not told apart: a forecast is no better than that.
SOON_S = 10.0
# So few VMs are told of in the tail of a scan.
FEW = 20


def line(view: View, *, verbose: bool = False) -> str:
    """The state of a scan, as one line of a log; `verbose` with the speeds."""
    if view.phase != "scanning":
        parts = [f"{view.phase}: {found(view)}", counted(view.requests, "request", "requests")]
    else:
        shown = speeds(view) if verbose else ()
        parts = [f"{view.phase}: {done(view)} ({', '.join(ends(view))})", *under_way(view), *shown]
    return ", ".join(part for part in (*parts, waiting(view), left(view)) if part)


def last_line(view: View, lasted_s: float) -> str:
    """How far a scan came that broke, and so has no summary."""
    sent = f"{counted(view.requests, 'request', 'requests')}, {view.throttled:,} throttled"
    return f"{done(view)} ({', '.join(ends(view))}) in {duration(lasted_s)}, {sent}"


def note(sentence: str) -> str:
    """A note as a line."""
    return f"note: {sanitize(places.told(sentence), SENTENCE_LIMIT_CHARS)}"


def warning(sentence: str) -> str:
    """A warning as a line."""
    return f"warning: {sanitize(places.told(sentence), SENTENCE_LIMIT_CHARS)}"


def not_listed(error: InventoryError) -> str:
    """A part of the fleet that is missing, as a line."""
    part = f"subscription {error.subscription_id}" if error.subscription_id else "a part of the fleet"
    status = f" ({error.http_status})" if error.http_status else ""
    sentence = f"{part}: {error.code or 'no code'}{status}: {error.message or 'no message'}"
    remedy = f"; {error.remedy}" if error.remedy else ""
    return f"warning: not listed: {sanitize(sentence, SENTENCE_LIMIT_CHARS).rstrip('.')}{remedy}"


def found(view: View) -> str:
    """How many VMs the listing has found."""
    return f"{counted(view.total, 'VM', 'VMs')} so far"


def done(view: View) -> str:
    """How many VMs are done."""
    if not view.is_listed:
        return f"{view.done:,} done of {view.total:,} listed so far"
    return f"{view.done:,} of {view.total:,} done"


def under_way(view: View) -> list[str]:
    """How many assessments are running, and how many VMs are still to be started."""
    to_start = [f"{view.to_start:,} to start"] if view.to_start else []
    return [f"{view.running:,} running", *to_start]


def ends(view: View) -> list[str]:
    """The outcomes of the VMs that are done: together as many as are done."""
    timed_out = [f"{view.timed_out:,} timed out"] if view.timed_out else []
    return [
        f"{view.assessed:,} assessed",
        f"{view.failed:,} failed",
        *timed_out,
        f"{view.skipped:,} skipped",
    ]


def speeds(view: View) -> list[str]:
    """Starts and polls per second, and how many requests were throttled."""
    return [
        f"{view.starts_per_s:,.1f} starts/s",
        f"{view.polls_per_s:,.1f} polls/s",
        f"{view.throttled:,} throttled",
    ]


def waiting(view: View) -> str:
    """What the scan is waiting to do; empty where it does not wait, or not long enough to mention."""
    if view.waiting_for is None or (view.wait_s is not None and view.wait_s < SHORT_WAIT_S):
        return ""
    span = "" if view.wait_s is None else f" {duration(view.wait_s)}"
    return f"waiting{span} {sanitize(view.waiting_for)}"


def left(view: View) -> str:
    """An estimate of the time left, coarser the longer it is; empty where there is none yet.

    When the last few VMs run it also says how many they are, and how long such ones take.
    """
    if view.left_s is None:
        return ""
    left_s = max(view.left_s, SOON_S)
    step_s = SOON_S if left_s < 2 * MINUTE_S else MINUTE_S
    words = f"about {duration(round(left_s / step_s) * step_s)} left" if left_s > SOON_S else "seconds left"
    remaining = view.total - view.done
    if view.to_start or view.typical_s is None or not 0 < remaining <= FEW:
        return words
    vms = counted(remaining, "VM", "VMs")
    takes = "such a one takes" if remaining == 1 else "such ones take"
    return f"{words}: {vms}, {takes} about {duration(_rounded(view.typical_s))}"


def _rounded(span_s: float) -> float:
    step_s = SOON_S if span_s < 2 * MINUTE_S else MINUTE_S
    return max(round(span_s / step_s), 1) * step_s
