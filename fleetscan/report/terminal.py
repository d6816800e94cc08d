"""The summary of a scan on one screen of 80 columns: what a tired person wants to know, bad news in red.

Reads only the fleet's line of totals.jsonl. Foreign text goes through `sanitize`, and characters that the
stream's encoding lacks are escaped, so that no terminal, pipe or log has trouble with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO, TypeAlias

from fleetscan.model import InventoryError
from fleetscan.records.row import REASONS
from fleetscan.records.totals import NotListed, Totals
from fleetscan.report.figures import counted, duration, parts_of
from fleetscan.report.left_out import is_part, passed_over_words, selection_words
from fleetscan.report.sanitize import fit, sanitize
from fleetscan.report.screen import console_on

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

BAR_CELLS = 10
ERRORS_SHOWN = 8
OF_LISTED = "of what was listed"
LABEL_CELLS = 11
PATH_LIMIT_CHARS = 1000
ERROR_LIMIT_CHARS = 300

BAD = "bold red"
GOOD = "green"
MIDDLING = "yellow"

NotAssessed: TypeAlias = Literal["skipped", "failed", "timed_out"]
ENDED_OTHERWISE: tuple[tuple[str, NotAssessed, str], ...] = (
    ("Skipped", "skipped", ""),
    ("Failed", "failed", BAD),
    ("Timed out", "timed_out", BAD),
)


def print_summary(
    fleet: Totals,
    *,
    directory: Path | None,
    stream: TextIO,
    skipped_on_file_word: int = 0,
    are_errors_told: bool = False,
    running: int = 0,
    resume_command: str | None = None,
) -> None:
    """Print what `fleet`, the first line of totals.jsonl, says.

    Azure works on `running` of the unfinished VMs, or may; `resume_command` resumes the run, where it can be.
    `directory` is where the run's files are, None if there are none. `skipped_on_file_word` of the skipped
    VMs do not run by the word of the inventory file. `are_errors_told` where lines above say in full why a
    part was not listed: it is then only named. Colours are only used on terminals, not if NO_COLOR is set.
    """
    # rich takes longer to import than the rest of the program, so it is imported where something is shown.
    from rich.text import Text

    console = console_on(stream)
    summary = _Summary(
        fleet,
        console.encoding,
        on_file_word=skipped_on_file_word,
        are_errors_told=are_errors_told,
        running=running,
    )
    console.print()
    console.print(summary.headline())
    console.print(summary.table())
    # Never folded, so that command and path can be copied.
    if fleet["outcomes"]["interrupted"]:
        console.print(summary.unfinished(resume_command, console.width), soft_wrap=True)
    if directory is not None:
        path = summary.text(sanitize(str(directory), PATH_LIMIT_CHARS))
        console.print(Text("Files".ljust(LABEL_CELLS + 2)) + path, soft_wrap=True)
    console.print()


class _Summary:
    """The fleet's line in words that `encoding` has characters for."""

    def __init__(
        self,
        fleet: Totals,
        encoding: str,
        *,
        on_file_word: int,
        are_errors_told: bool,
        running: int,
    ) -> None:
        self._fleet = fleet
        self._encoding = encoding
        self._on_file_word = on_file_word
        self._are_errors_told = are_errors_told
        self._running = running
        self._outcomes = fleet["outcomes"]
        self._reasons = fleet["reasons"]
        self._is_part = is_part(fleet)

    def headline(self) -> Text:
        """The most important facts in one sentence."""
        listed = self._fleet["listed"]
        if not listed:
            return self.text("0 VMs listed.", "bold yellow")
        lasted = duration(self._fleet["duration_s"])
        assessed = self._outcomes["assessed"]
        vms = counted(listed, "VM", "VMs")
        return self.text(f"{vms} listed, {assessed:,} assessed in {lasted}.", "bold")

    def table(self) -> Table:
        """The lines below the headline."""
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        table.add_column(min_width=LABEL_CELLS)
        table.add_column(overflow="fold")
        for label, text in self.rows():
            table.add_row(label, text)
        return table

    def rows(self) -> Iterator[tuple[Text, Text]]:
        """Label and text of each line below the headline; an empty pair before each block is a blank line."""
        blocks = [self._left_out(), self._requests()]
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
        need = "needs" if compliant == 1 else "need"
        meaning = f"{compliant:,} {need} no critical or security patches"
        whole = OF_LISTED if self._is_part else "assessed"
        yield self._share("Coverage", fleet["coverage_pct"], whole)
        yield self._share("Compliance", fleet["compliance_pct"], f" {meaning}")

    def _share(self, label: str, percent: float | None, meaning: str) -> tuple[Text, Text]:
        share = percent or 0.0
        full, empty = "█░" if fit("█░", self._encoding) == "█░" else "#-"
        cells = int(share / 100 * BAR_CELLS)
        is_good = share == 100 and not self._is_part
        bar = self.text(full * cells + empty * (BAR_CELLS - cells), GOOD if is_good else MIDDLING)
        return self.text(label), bar + self.text(f"  {share:6.2f} % {meaning}")

    def _patches(self) -> Iterator[tuple[Text, Text]]:
        fleet = self._fleet
        if not self._outcomes["assessed"]:
            yield self.text("Missing"), self.text("unknown: no VM was assessed")
            return
        critical = fleet["critical_and_security_count"]
        missing = counted(critical, "critical or security patch", "critical and security patches")
        on = counted(fleet["vms_with_critical_or_security"], "VM", "VMs")
        text = self.text(f"{missing} on {on}", BAD if critical else GOOD)
        yield self.text("Missing"), text + self.text(f"; {fleet['other_count']:,} other")
        reboots = counted(fleet["reboot_pending"], "VM", "VMs")
        yield self.text("Reboot"), self.text(f"pending on {reboots}")
        incomplete = fleet["patches_incomplete"]
        if incomplete:
            lists = counted(incomplete, "patch list is", "patch lists are")
            yield self.text("Incomplete", MIDDLING), self.text(f"{lists} truncated; counts are correct")

    def _ended_otherwise(self) -> Iterator[tuple[Text, Text]]:
        for label, outcome, style in ENDED_OTHERWISE:
            number = self._outcomes[outcome]
            if number:
                yield self.text(label, style), self.text(f"{number:,}", style) + self.text(self._why(outcome))
            if outcome == "skipped" and self._on_file_word:
                told = f"{self._on_file_word:,} of them because the inventory file says so"
                yield self.text(""), self.text(told, MIDDLING)

    def unfinished(self, command: str | None, columns: int) -> Text:
        """How far the VMs without a row have come, and the `command`, which is on one line, whole."""
        counts = ((self._running, "running"), (self._outcomes["interrupted"] - self._running, "not started"))
        text = ", ".join(f"{number:,} {word}" for number, word in counts if number)
        if command is not None:
            text += "; resume with:"
            is_wide = LABEL_CELLS + 2 + len(text) + 1 + len(command) <= columns
            text += f" {command}" if is_wide else f"\n{command}"
        return self.text("Unfinished".ljust(LABEL_CELLS + 2) + text, BAD)

    def _why(self, outcome: NotAssessed) -> str:
        """The reasons that occurred, the most frequent first; empty for an outcome with only one reason."""
        words = REASONS[outcome]
        found = [(self._reasons[word], word) for word in words if word and word in self._reasons]
        parts = [(word.replace("_", " "), number) for number, word in sorted(found, reverse=True)]
        return f": {parts_of(self._outcomes[outcome], parts)}" if len(words) > 1 and parts else ""

    def _left_out(self) -> Iterator[tuple[Text, Text]]:
        """What was asked for, and what of the fleet is not among the VMs listed.

        What could not be listed: the first few by name, the rest by number.
        """
        if asked := selection_words(self._fleet["selection"]):
            yield self.text("Selection"), self.text(asked)
        if passed_over := passed_over_words(self._fleet["not_scanned"]):
            yield self.text("Passed over", MIDDLING), self.text(passed_over, MIDDLING)
        found = self._fleet["inventory_errors"]
        for error in found[:ERRORS_SHOWN]:
            yield self.text("NOT LISTED", BAD), self.text(self._why_not_listed(error), BAD)
        if len(found) > ERRORS_SHOWN:
            yield self.text("NOT LISTED", BAD), self.text(f"and {len(found) - ERRORS_SHOWN:,} more", BAD)
        for remedy in dict.fromkeys(InventoryError(**error).remedy for error in found):
            if remedy is not None and not self._are_errors_told:
                yield self.text(""), self.text(remedy)

    def _why_not_listed(self, error: NotListed) -> str:
        subscription, status = error["subscription_id"], error["http_status"]
        part = f"subscription {subscription}" if subscription else "the fleet"
        code = f"{error['code'] or 'no code'} ({status})" if status else error["code"] or "no code"
        why = "" if self._are_errors_told else f": {error['message'] or 'no message'}"
        return sanitize(f"{part}: {code}{why}", ERROR_LIMIT_CHARS)

    def _requests(self) -> Iterator[tuple[Text, Text]]:
        sent = self._fleet["requests"]
        total = sent["list"] + sent["start"] + sent["poll"] + sent["other"]
        other = f", {sent['other']:,} other" if sent["other"] else ""
        sentence = (
            f"{total:,}: {sent['list']:,} list, {sent['start']:,} start, {sent['poll']:,} poll{other}; "
            f"{sent['throttled']:,} throttled, {sent['retried']:,} retried"
        )
        yield self.text("Requests"), self.text(sentence)

    def text(self, words: str, style: str = "") -> Text:
        """`words` as the stream can show them; rich does not read markup in them."""
        from rich.text import Text

        return Text(fit(words, self._encoding), style)
