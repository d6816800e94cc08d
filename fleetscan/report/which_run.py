"""Which run is shown: when it began, whether it is complete, and what it was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fleetscan.places import told
from fleetscan.records.times import moment_of
from fleetscan.report.left_out import elsewhere, elsewhere_words, selection_words
from fleetscan.report.sanitize import sanitize
from fleetscan.runs.reader import Run, State


@dataclass(frozen=True, slots=True)
class NewerRun:
    """A run that began after the one that is shown and is not complete.

    `command` resumes it, as a shell takes it; None where a process is at work on it, or it `is_merged`.
    """

    name: str
    began: str
    command: str | None
    is_merged: bool = False

    def told(self, quoted: Callable[[str], str] = lambda text: f"`{text}`") -> str:
        """The sentence about it; `quoted` makes foreign text safe where it is shown."""
        began = f"A newer run, {quoted(self.name)}, began {self.began}"
        if self.is_merged:
            return f"{began} and was merged of runs of which one is missing or not complete."
        if self.command is None:
            return f"{began} and is still running."
        return f"{began} and is unfinished: {quoted(self.command)}"


PATH_LIMIT_CHARS = 1000
STATES = {
    State.COMPLETE: "complete",
    State.STOPPED: "NOT COMPLETE: it was stopped",
    State.UNFINISHED: "NOT COMPLETE: it has not finished",
}


def about(run: Run) -> str:
    """One line about `run`, safe to show: its beginning, its state, its selection and its directory."""
    asked = selection_words(run.facts["selection"]) or "the whole fleet"
    path = sanitize(told(str(run.path)), PATH_LIMIT_CHARS)
    place = elsewhere_words(elsewhere(run.facts["selection"]))
    words = (minute(run.facts["started_at"]), place, STATES[run.state], asked)
    return f"Run of {', '.join(filter(None, words))}: {path}"


def minute(text: str | None) -> str:
    """A record's time as people read it."""
    moment = moment_of(text)
    return "an unknown time" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
