"""The end of a scan on one screen of 80 columns: what a tired person wants to know, bad news where it shows.

Reads the fleet's line of totals.jsonl and nothing else. What strangers wrote goes through `harmless`, and
what the stream's encoding lacks is spelled out, so that no terminal, pipe or log trips over it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO, TypeAlias

from fleetscan.records.row import REASONS
from fleetscan.records.totals import NotListed, Totals
from fleetscan.report.figures import counted, duration
from fleetscan.report.harmless import fit, harmless

if TYPE_CHECKING:
    from rich.text import Text

BAR_CELLS = 12
ERRORS_SHOWN = 8
LABEL_CELLS = 11
PATH_LIMIT_CHARS = 1000
ERROR_LIMIT_CHARS = 300

BAD = "bold red"
GOOD = "green"
MIDDLING = "yellow"

NotAssessed: TypeAlias = Literal["skipped", "failed", "timed_out", "interrupted"]
ENDED_OTHERWISE: tuple[tuple[str, NotAssessed, str], ...] = (
    ("Skipped", "skipped", ""),
    ("Failed", "failed", BAD),
    ("Timed out", "timed_out", BAD),
    ("Interrupted", "interrupted", BAD),
)


def print_summary(fleet: Totals, *, directory: Path | None, stream: TextIO) -> None:
    """Print what `fleet`, the first line of totals.jsonl, says.

    `directory` is where the run's files are, None where there are none. Colours are for terminals alone,
    and not where NO_COLOR is set.
    """
    # rich takes longer to import than the rest of the program: only who shows something pays for it.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    summary = _Summary(fleet, console.encoding)
    table = Table.grid(padding=(0, 2))
    table.add_column(min_width=LABEL_CELLS)
    table.add_column(overflow="fold")
    for label, text in summary.rows():
        table.add_row(label, text)
    console.print()
    console.print(summary.headline())
    console.print(table)
    if directory is not None:
        # Never folded: a path is there to be copied.
        path = summary.text(harmless(str(directory), PATH_LIMIT_CHARS))
        console.print(Text("Files".ljust(LABEL_CELLS + 2)) + path, soft_wrap=True)
    console.print()


class _Summary:
    """The fleet's line in words, fit for `encoding`."""

    def __init__(self, fleet: Totals, encoding: str) -> None:
        self._fleet = fleet
        self._encoding = encoding
        self._outcomes = fleet["outcomes"]
        self._reasons = fleet["reasons"]

    def headline(self) -> Text:
        """The one sentence for who reads no further."""
        listed = self._fleet["listed"]
        if not listed:
            return self.text("No virtual machine was listed.", "bold yellow")
        lasted = duration(self._fleet["duration_s"])
        assessed = self._outcomes["assessed"]
        machines = counted(listed, "virtual machine", "virtual machines")
        return self.text(f"{machines} listed, {assessed:,} assessed in {lasted}.", "bold")

    def rows(self) -> Iterator[tuple[Text, Text]]:
        """Label and text of each line below the headline, a gap of two empty ones before each block."""
        blocks = [self._not_listed(), self._requests()]
        if self._fleet["listed"]:
            blocks = [self._shares(), self._patches(), self._ended_otherwise(), *blocks]
        for block in blocks:
            lines = list(block)
            if lines:
                yield self.text(""), self.text("")
                yield from lines

    def _shares(self) -> Iterator[tuple[Text, Text]]:
        fleet, assessed = self._fleet, self._outcomes["assessed"]
        compliant = assessed - fleet["vms_with_critical_or_security"]
        meaning = f"{compliant:,} miss no critical or security patch"
        yield self._share("Coverage", fleet["coverage_pct"], f"{assessed:,} assessed")
        yield self._share("Compliance", fleet["compliance_pct"], meaning)

    def _share(self, label: str, percent: float | None, meaning: str) -> tuple[Text, Text]:
        share = percent or 0.0
        full, empty = "█░" if fit("█░", self._encoding) == "█░" else "#-"
        cells = int(share / 100 * BAR_CELLS)
        bar = self.text(full * cells + empty * (BAR_CELLS - cells), GOOD if share == 100 else MIDDLING)
        return self.text(label), bar + self.text(f"  {share:6.2f} %  {meaning}")

    def _patches(self) -> Iterator[tuple[Text, Text]]:
        fleet = self._fleet
        if not self._outcomes["assessed"]:
            yield self.text("Missing"), self.text("unknown: no machine was assessed")
            return
        critical = fleet["critical_and_security_count"]
        missing = counted(critical, "critical or security patch", "critical and security patches")
        on = counted(fleet["vms_with_critical_or_security"], "machine", "machines")
        text = self.text(f"{missing} on {on}", BAD if critical else GOOD)
        yield self.text("Missing"), text + self.text(f"; {fleet['other_count']:,} others")
        restarts = counted(fleet["reboot_pending"], "machine", "machines")
        yield self.text("Restart"), self.text(f"due on {restarts}")
        incomplete = fleet["patches_incomplete"]
        if incomplete:
            lists = counted(incomplete, "list of patches", "lists of patches")
            yield self.text("Incomplete", MIDDLING), self.text(f"{lists} came cut short; the counts hold")

    def _ended_otherwise(self) -> Iterator[tuple[Text, Text]]:
        for label, outcome, style in ENDED_OTHERWISE:
            number = self._outcomes[outcome]
            if number:
                yield self.text(label, style), self.text(f"{number:,}", style) + self.text(self._why(outcome))

    def _why(self, outcome: NotAssessed) -> str:
        """The reasons that occurred, the most frequent first; nothing where there is but one to have."""
        if outcome == "interrupted":
            return ": not ended when the scan stopped, and without a row"
        words = REASONS[outcome]
        found = [(self._reasons[word], word) for word in words if word and word in self._reasons]
        told = [f"{number:,} {word.replace('_', ' ')}" for number, word in sorted(found, reverse=True)]
        return f": {', '.join(told)}" if len(words) > 1 and told else ""

    def _not_listed(self) -> Iterator[tuple[Text, Text]]:
        """What nobody may take for empty. The first few by name, the rest by number."""
        found = self._fleet["inventory_errors"]
        for error in found[:ERRORS_SHOWN]:
            yield self.text("NOT LISTED", BAD), self.text(_error_sentence(error), BAD)
        if len(found) > ERRORS_SHOWN:
            yield self.text("NOT LISTED", BAD), self.text(f"and {len(found) - ERRORS_SHOWN:,} more", BAD)

    def _requests(self) -> Iterator[tuple[Text, Text]]:
        sent = self._fleet["requests"]
        total = sent["list"] + sent["start"] + sent["poll"] + sent["other"]
        sentence = (
            f"{total:,}: {sent['list']:,} list, {sent['start']:,} start, {sent['poll']:,} poll; "
            f"{sent['throttled']:,} throttled (429), {sent['retried']:,} retried"
        )
        yield self.text("Requests"), self.text(sentence)

    def text(self, words: str, style: str = "") -> Text:
        """`words` as they can be shown; rich reads no markup in them."""
        from rich.text import Text

        return Text(fit(words, self._encoding), style)


def _error_sentence(error: NotListed) -> str:
    subscription, status = error["subscription_id"], error["http_status"]
    place = f"subscription {subscription}" if subscription else "the fleet"
    code = f"{error['code'] or 'no code'} ({status})" if status else error["code"] or "no code"
    return harmless(f"{place}: {code}: {error['message'] or 'no message'}", ERROR_LIMIT_CHARS)
