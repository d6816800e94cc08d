"""The figures of a report as labelled lines: shares first, with what they are of, then counts, then causes.

A bar is full only where nothing is known or may be missing. Reads only the record of fleetscan.report/1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from math import ceil
from typing import TYPE_CHECKING, Literal, TypeAlias

from fleetscan.records.fleet_facts import could_not_list
from fleetscan.records.report import Report
from fleetscan.records.row import REASONS
from fleetscan.records.totals import NotListed
from fleetscan.report.age_words import ages_of, in_brief, is_asked_for, oldest_words, unknown_words
from fleetscan.report.earlier import earlier_words
from fleetscan.report.fact_words import fact_clauses
from fleetscan.report.figures import counted, duration, parts_of, percent_words
from fleetscan.report.gate_words import verdict
from fleetscan.report.left_out import (
    elsewhere_words,
    passed_over_words,
    selection_words,
    unlisted_words,
    unseen_words,
)
from fleetscan.report.name_lists import BAD, Style
from fleetscan.report.named import by_reason
from fleetscan.report.not_counted import marked
from fleetscan.report.sanitize import sanitize

if TYPE_CHECKING:
    from rich.text import Text

BAR_CELLS = 10
ERRORS_SHOWN = 8
LABEL_CELLS = 11
ERROR_LIMIT_CHARS = 160
TEXT_LIMIT_CHARS = 100
# As much as leaves the oldest patch two lines.
TITLE_LIMIT_CHARS = 40
WARNINGS_SHOWN = 8
WARNING_LIMIT_CHARS = 400
GOOD: Style = "green"
MIDDLING: Style = "yellow"

NotAssessed: TypeAlias = Literal["skipped", "failed", "timed_out"]
ENDED_OTHERWISE: tuple[tuple[str, NotAssessed, Style], ...] = (
    ("Skipped", "skipped", ""),
    ("Failed", "failed", BAD),
    ("Timed out", "timed_out", BAD),
)
Labelled: TypeAlias = "tuple[Text, Text]"


class Overview:
    """The report's figures in words that the stream has characters for, as `fit` makes them."""

    def __init__(
        self, report: Report, fit: Callable[[str], str], *, on_file_word: int, are_errors_told: bool
    ) -> None:
        self._report = report
        self._fleet = report["fleet"]
        self._outcomes = self._fleet["outcomes"]
        self._fit = fit
        self._on_file_word = on_file_word
        self._are_errors_told = are_errors_told

    def sentence(self) -> str:
        """The most important facts."""
        listed = counted(self._fleet["listed"], "VM", "VMs")
        if not self._fleet["listed"]:
            return f"{listed} listed."
        lasted = self._report["duration_s"]
        within = "" if lasted is None else f" in {duration(lasted)}"
        return f"{listed} listed, {self._outcomes['assessed']:,} assessed{within}."

    def place(self) -> str:
        """The endpoint, where it is none of Azure's clouds."""
        return elsewhere_words(self._report["endpoint"])

    def at_end(self) -> str:
        """What begins a scan's summary."""
        return f"At {place}: {self.sentence()}" if (place := self.place()) else self.sentence()

    def gates(self, *, in_full: bool) -> Iterator[Labelled]:
        """How the run stands to its gates; `in_full` with a sentence for each that it does not pass."""
        if not (words := verdict(self._report)):
            return
        breaches = self._report["breaches"] or []
        yield (
            self._text("GATES" if breaches else "Gates", BAD if breaches else GOOD),
            self._text(words, BAD if breaches else GOOD),
        )
        for sentence in breaches if in_full else ():
            yield self._text(""), self._text(sentence, BAD)

    def blocks(self) -> Iterator[Iterator[Labelled]]:
        """The lines below the headline, a block for each that a blank line parts from the others."""
        if not self._fleet["listed"]:
            yield self._left_out()
            return
        yield self._coverage()
        yield chain(self._patches(), self._ages(), self._ended_otherwise(), self._facts())

    def requests(self) -> Iterator[Labelled]:
        """The requests that were sent."""
        if (sent := self._report["requests"]) is None:
            return
        total = sent["list"] + sent["start"] + sent["poll"] + sent["other"]
        other = f", {sent['other']:,} other" if sent["other"] else ""
        sentence = (
            f"{total:,}: {sent['list']:,} list, {sent['start']:,} start, {sent['poll']:,} poll{other}; "
            f"{sent['throttled']:,} throttled, {sent['retried']:,} retried"
        )
        yield self._text("Requests"), self._text(sentence)

    def unfinished_words(self, running: int | None) -> str:
        """How far the VMs without a row have come; None where that is not known."""
        if running is None:
            return f"{counted(self._outcomes['interrupted'], 'VM has', 'VMs have')} no row"
        counts = ((running, "running"), (self._outcomes["interrupted"] - running, "not started"))
        return ", ".join(f"{number:,} {word}" for number, word in counts if number)

    def _coverage(self) -> Iterator[Labelled]:
        of, miss = "of VMs listed", "of VMs listed miss no critical/security patch"
        if not self._report["is_whole_fleet"]:
            of, miss = "of what was listed", "of that misses no critical/security patch"
        yield self._share("Coverage", self._fleet["coverage_pct"], of)
        yield self._share("Compliance", self._fleet["compliance_pct"], marked(miss, self._report))
        if earlier := earlier_words(self._report):
            yield self._text("Earlier"), self._text(earlier)
        yield from self._left_out()

    def _share(self, label: str, percent: float | None, meaning: str) -> Labelled:
        share = percent or 0.0
        is_whole = self._report["is_whole_fleet"]
        full, empty = "█░" if self._fit("█░") == "█░" else "#-"
        cells = max(int(share / 100 * BAR_CELLS), min(1, ceil(share)))
        bar = full * cells + empty * (BAR_CELLS - cells)
        if not is_whole or (share == 100 and self._report["partial"]):
            # How the VMs are that are not here is unknown.
            bar = f"{bar[:-1]}?"
        is_good = share == 100 and is_whole and not self._report["partial"]
        return self._text(label), self._text(bar, GOOD if is_good else MIDDLING) + self._text(
            f"  {percent_words(share):>8} {meaning}"
        )

    def _patches(self) -> Iterator[Labelled]:
        fleet = self._fleet
        if not self._outcomes["assessed"]:
            yield self._text("Missing"), self._text("unknown: no VM was assessed")
            return
        critical = fleet["critical_and_security_count"]
        missing = counted(critical, "critical or security patch", "critical and security patches")
        on = counted(fleet["vms_with_critical_or_security"], "VM", "VMs")
        text = self._text(f"{missing} on {on}", BAD if critical else GOOD)
        others = marked(f"; {fleet['other_count']:,} other", self._report)
        yield self._text("Missing"), text + self._text(others)
        reboots = counted(fleet["reboot_pending"], "VM", "VMs")
        yield self._text("Reboot"), self._text(f"pending on {reboots}")
        incomplete = fleet["patches_incomplete"]
        if incomplete:
            lists = counted(incomplete, "patch list is", "patch lists are")
            yield self._text("Incomplete", MIDDLING), self._text(f"{lists} truncated; counts are correct")

    def _ages(self) -> Iterator[Labelled]:
        """The oldest missing patch, in brief the ages of the others, and of how much the age is unknown."""
        if (ages := ages_of(self._report)) is None:
            return
        if oldest := oldest_words(ages, lambda text: sanitize(text, TEXT_LIMIT_CHARS), TITLE_LIMIT_CHARS):
            yield self._text("Oldest"), self._text(marked(oldest, self._report))
        if not is_asked_for(self._report) and (brief := in_brief(ages)):
            yield self._text("VMs by age"), self._text(brief)
        for place, clause in enumerate(unknown_words(ages)):
            yield self._text("" if place else "Age unknown", MIDDLING), self._text(clause)

    def _ended_otherwise(self) -> Iterator[Labelled]:
        """How many VMs were not assessed and why; those that failed only where none is named below."""
        are_named = any(each["vms"] for each in self._report["not_assessed"] if each["outcome"] != "skipped")
        for label, outcome, style in ENDED_OTHERWISE:
            number = self._outcomes[outcome]
            if number and (outcome == "skipped" or not are_named):
                yield (
                    self._text(label, style),
                    self._text(f"{number:,}", style) + self._text(self._why(outcome)),
                )
            if outcome == "skipped" and self._on_file_word:
                told = f"{self._on_file_word:,} of them because the inventory file says so"
                yield self._text(""), self._text(told, MIDDLING)

    def _why(self, outcome: NotAssessed) -> str:
        """The reasons that occurred, the most frequent first; empty for an outcome with only one reason."""
        parts = by_reason(self._report["not_assessed"], outcome)
        is_plain = len(REASONS[outcome]) == 1 or not parts
        return "" if is_plain else f": {parts_of(self._outcomes[outcome], parts)}"

    def _facts(self) -> Iterator[Labelled]:
        """What a clean assessment does not tell."""
        for place, clause in enumerate(fact_clauses(self._fleet)):
            yield self._text("" if place else "Also known", MIDDLING), self._text(clause)

    def _left_out(self) -> Iterator[Labelled]:
        """What of the fleet is not among the VMs listed, and what was asked for.

        What could not be listed: the first few by name, the rest by number.
        """
        found = self._report["inventory_errors"]
        for error in (found or [])[:ERRORS_SHOWN]:
            yield self._text("NOT LISTED", BAD), self._text(self._why_not_listed(error), BAD)
        if found and len(found) > ERRORS_SHOWN:
            yield self._text("NOT LISTED", BAD), self._text(f"and {len(found) - ERRORS_SHOWN:,} more", BAD)
        for remedy in dict.fromkeys(could_not_list(error).remedy for error in found or []):
            if remedy is not None and not self._are_errors_told:
                yield self._text(""), self._text(remedy)
        if found is None:
            yield self._text("NOT LISTED", BAD), self._text("unknown: the run has no totals", BAD)
        if passed_over := passed_over_words(self._report["not_scanned"]):
            yield self._text("Passed over", MIDDLING), self._text(passed_over, MIDDLING)
        if unseen := unseen_words(self._report["uniform_scale_set_vms"]):
            yield self._text("Not seen"), self._text(unseen)
        warnings = self._report["warnings"]
        for warning in warnings[:WARNINGS_SHOWN]:
            yield (
                self._text("Warning", MIDDLING),
                self._text(sanitize(warning, WARNING_LIMIT_CHARS), MIDDLING),
            )
        if (more := len(warnings) - WARNINGS_SHOWN) > 0:
            yield self._text("Warning", MIDDLING), self._text(f"and {more:,} more, in run.json", MIDDLING)
        if unlisted := unlisted_words(self._report["selection"], self._fleet["listed"]):
            yield self._text("Left out", MIDDLING), self._text(f'{unlisted}: "?" stands for them', MIDDLING)
        if asked := selection_words(self._report["selection"]):
            yield self._text("Selection"), self._text(asked)

    def _why_not_listed(self, error: NotListed) -> str:
        subscription, status = error["subscription_id"], error["http_status"]
        part = f"subscription {subscription}" if subscription else "the fleet"
        code = f"{error['code'] or 'no code'} ({status})" if status else error["code"] or "no code"
        why = "" if self._are_errors_told else f": {error['message'] or 'no message'}"
        return sanitize(f"{part}: {code}{why}", ERROR_LIMIT_CHARS)

    def _text(self, words: str, style: Style = "") -> Text:
        """`words` as the stream can show them; rich does not read markup in them."""
        from rich.text import Text

        return Text(self._fit(words), style)
