"""One look at a running scan in words: the lines of a log, and the parts of a display."""

from __future__ import annotations

from fleetscan.cli.tally import View
from fleetscan.model import InventoryError
from fleetscan.report.figures import MINUTE_S, counted, duration
from fleetscan.report.harmless import harmless

SENTENCE_LIMIT_CHARS = 500


def line(view: View) -> str:
    """How a scan stands, on one line of a log."""
    if view.phase != "scanning":
        parts = [f"{view.phase}: {counted(view.total, 'virtual machine', 'virtual machines')} so far"]
        parts.append(counted(view.requests, "request", "requests"))
    else:
        parts = [f"{view.phase}: {done(view)} ({ends(view)})", f"{view.in_flight:,} in flight", speeds(view)]
    return ", ".join(part for part in (*parts, waiting(view), left(view)) if part)


def last_line(view: View, lasted_s: float) -> str:
    """How a scan stood when it ended, well or badly."""
    sent = counted(view.requests, "request", "requests")
    return f"{done(view)} ({ends(view)}) in {duration(lasted_s)}, {sent}, {view.throttled:,} throttled"


def warning(sentence: str) -> str:
    """A warning as a line."""
    return f"warning: {harmless(sentence, SENTENCE_LIMIT_CHARS)}"


def not_listed(error: InventoryError) -> str:
    """A part of the fleet that is missing, as a line."""
    place = f"subscription {error.subscription_id}" if error.subscription_id else "a part of the fleet"
    status = f" ({error.http_status})" if error.http_status else ""
    sentence = f"{place}: {error.code or 'no code'}{status}: {error.message or 'no message'}"
    return f"not listed: {harmless(sentence, SENTENCE_LIMIT_CHARS)}"


def done(view: View) -> str:
    """How far it is."""
    return f"{view.done:,} of {view.total:,} done"


def ends(view: View) -> str:
    """How the machines ended."""
    return f"{view.assessed:,} assessed, {view.failed:,} failed, {view.skipped:,} skipped"


def speeds(view: View) -> str:
    """How fast it goes."""
    return f"{view.starts_per_s:.1f} starts/s, {view.polls_per_s:.1f} polls/s"


def waiting(view: View) -> str:
    """What is waited for, or nothing."""
    if view.waiting_for is None:
        return ""
    span = "" if view.wait_s is None else f" {duration(view.wait_s)}"
    return f"waiting{span} for {harmless(view.waiting_for)}"


def left(view: View) -> str:
    """A guess of the time left, no finer than it is worth, or nothing."""
    if view.left_s is None:
        return ""
    minutes_s = round(view.left_s / MINUTE_S) * MINUTE_S
    return f"about {duration(view.left_s if view.left_s < 2 * MINUTE_S else minutes_s)} left"
