"""The summary of a scan on one screen of 80 columns: what a tired person wants to know, bad news in red.

Reads only the fleet's line of totals.jsonl. Foreign text goes through `sanitize`, and characters that the
stream's encoding lacks are escaped, so that no terminal, pipe or log has trouble with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from fleetscan.model import Json, Outcome
from fleetscan.records.schema import REASONS
from fleetscan.report.figures import counted, duration
from fleetscan.report.sanitize import fit, sanitize

if TYPE_CHECKING:
    from rich.text import Text

BAR_CELLS = 10
ERRORS_SHOWN = 8
LABEL_CELLS = 11
PATH_LIMIT_CHARS = 1000
ERROR_LIMIT_CHARS = 300

BAD = "bold red"
GOOD = "green"
MIDDLING = "yellow"

ENDED_OTHERWISE = (
    ("Skipped", Outcome.SKIPPED, ""),
    ("Failed", Outcome.FAILED, BAD),
    ("Timed out", Outcome.TIMED_OUT, BAD),
    ("Unfinished", Outcome.INTERRUPTED, BAD),
)


def print_summary(fleet: Mapping[str, Json], *, directory: Path | None, stream: TextIO) -> None:
    """Print what `fleet`, the first line of totals.jsonl, says.

    `directory` is where the run's files are, None if there are none. Colours are only used on terminals,
    and not if NO_COLOR is set.
    """
    # rich takes longer to import than the rest of the program, so it is imported where something is shown.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    summary = _Summary(fleet, console.encoding, is_resumable=directory is not None)
    table = Table.grid(padding=(0, 2))
    table.add_column(min_width=LABEL_CELLS)
    table.add_column(overflow="fold")
    for label, text in summary.rows():
        table.add_row(label, text)
    console.print()
    console.print(summary.headline())
    console.print(table)
    if directory is not None:
        # Never folded, so that the path can be copied.
        path = summary.text(sanitize(str(directory), PATH_LIMIT_CHARS))
        console.print(Text("Files".ljust(LABEL_CELLS + 2)) + path, soft_wrap=True)
    console.print()


class _Summary:
    """The fleet's line in words that `encoding` has characters for."""

    def __init__(self, fleet: Mapping[str, Json], encoding: str, *, is_resumable: bool) -> None:
        self._fleet = fleet
        self._encoding = encoding
        self._is_resumable = is_resumable
        self._outcomes = _counts(fleet["outcomes"])
        self._reasons = _counts(fleet["reasons"])

    def headline(self) -> Text:
        """The most important facts in one sentence."""
        listed = self._whole("listed")
        if not listed:
            return self.text("No VMs found.", "bold yellow")
        span_s = self._fleet["duration_s"]
        lasted = f" in {duration(span_s)}" if isinstance(span_s, int | float) else ""
        assessed = self._outcomes.get(Outcome.ASSESSED, 0)
        vms = counted(listed, "VM", "VMs")
        return self.text(f"{vms} listed, {assessed:,} assessed{lasted}.", "bold")

    def rows(self) -> Iterator[tuple[Text, Text]]:
        """Label and text of each line below the headline; an empty pair before each block is a blank line."""
        blocks = [self._not_listed(), self._requests()]
        if self._whole("listed"):
            blocks = [self._shares(), self._patches(), self._ended_otherwise(), *blocks]
        for block in blocks:
            lines = list(block)
            if lines:
                yield self.text(""), self.text("")
                yield from lines

    def _shares(self) -> Iterator[tuple[Text, Text]]:
        assessed = self._outcomes.get(Outcome.ASSESSED, 0)
        compliant = assessed - self._whole("vms_with_critical_or_security")
        yield self._share("Coverage", "coverage_pct", f"{assessed:,} assessed")
        need = "needs" if compliant == 1 else "need"
        meaning = f"{compliant:,} {need} no critical or security patches"
        yield self._share("Compliance", "compliance_pct", meaning)

    def _share(self, label: str, key: str, meaning: str) -> tuple[Text, Text]:
        percent = self._fleet[key]
        share = percent if isinstance(percent, int | float) else 0.0
        full, empty = "█░" if fit("█░", self._encoding) == "█░" else "#-"
        cells = int(share / 100 * BAR_CELLS)
        bar = self.text(full * cells + empty * (BAR_CELLS - cells), GOOD if share == 100 else MIDDLING)
        return self.text(label), bar + self.text(f"  {share:6.2f} %  {meaning}")

    def _patches(self) -> Iterator[tuple[Text, Text]]:
        if not self._outcomes.get(Outcome.ASSESSED, 0):
            yield self.text("Missing"), self.text("unknown: no VM was assessed")
            return
        critical = self._whole("critical_and_security_count")
        missing = counted(critical, "critical or security patch", "critical and security patches")
        on = counted(self._whole("vms_with_critical_or_security"), "VM", "VMs")
        text = self.text(f"{missing} on {on}", BAD if critical else GOOD)
        yield self.text("Missing"), text + self.text(f"; {self._whole('other_count'):,} other")
        reboots = counted(self._whole("reboot_pending"), "VM", "VMs")
        yield self.text("Reboot"), self.text(f"pending on {reboots}")
        incomplete = self._whole("patches_incomplete")
        if incomplete:
            lists = counted(incomplete, "patch list is", "patch lists are")
            yield self.text("Incomplete", MIDDLING), self.text(f"{lists} truncated; counts are correct")

    def _ended_otherwise(self) -> Iterator[tuple[Text, Text]]:
        for label, outcome, style in ENDED_OTHERWISE:
            number = self._outcomes.get(outcome, 0)
            if number:
                yield self.text(label, style), self.text(f"{number:,}", style) + self.text(self._why(outcome))

    def _why(self, outcome: Outcome) -> str:
        """The reasons that occurred, the most frequent first; empty for an outcome with only one reason."""
        if outcome is Outcome.INTERRUPTED:
            return "; continue with --resume" if self._is_resumable else ""
        words = REASONS[outcome]
        found = [(self._reasons[word], word) for word in words if word in self._reasons]
        told = [f"{number:,} {word.replace('_', ' ')}" for number, word in sorted(found, reverse=True)]
        return f": {', '.join(told)}" if len(words) > 1 and told else ""

    def _not_listed(self) -> Iterator[tuple[Text, Text]]:
        """The parts of the fleet that could not be listed: the first few by name, the rest by number."""
        errors = self._fleet["inventory_errors"]
        found = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
        for error in found[:ERRORS_SHOWN]:
            yield self.text("NOT LISTED", BAD), self.text(_error_sentence(error), BAD)
        if len(found) > ERRORS_SHOWN:
            yield self.text("NOT LISTED", BAD), self.text(f"and {len(found) - ERRORS_SHOWN:,} more", BAD)

    def _requests(self) -> Iterator[tuple[Text, Text]]:
        sent = _counts(self._fleet["requests"])
        total = sum(sent.get(kind, 0) for kind in ("list", "start", "poll", "other"))
        sentence = (
            f"{total:,}: {sent.get('list', 0):,} list, {sent.get('start', 0):,} start, "
            f"{sent.get('poll', 0):,} poll; {sent.get('throttled', 0):,} throttled (429), "
            f"{sent.get('retried', 0):,} retried"
        )
        yield self.text("Requests"), self.text(sentence)

    def text(self, words: str, style: str = "") -> Text:
        """`words` as the stream can show them; rich does not read markup in them."""
        from rich.text import Text

        return Text(fit(words, self._encoding), style)

    def _whole(self, key: str) -> int:
        number = self._fleet[key]
        return number if isinstance(number, int) else 0


def _counts(value: Json) -> dict[str, int]:
    counts = value if isinstance(value, dict) else {}
    return {word: number for word, number in counts.items() if isinstance(number, int)}


def _error_sentence(error: Mapping[str, Json]) -> str:
    subscription, status = error.get("subscription_id"), error.get("http_status")
    part = f"subscription {subscription}" if subscription else "the fleet"
    code = f"{error.get('code') or 'no code'} ({status})" if status else str(error.get("code") or "no code")
    return sanitize(f"{part}: {code}: {error.get('message') or 'no message'}", ERROR_LIMIT_CHARS)
