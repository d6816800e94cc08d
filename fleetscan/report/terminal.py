"""A run on one screen of 80 columns: what a tired person wants to know, bad news in red.

Reads only the record of fleetscan.report/1, or the fleet's line of totals.jsonl, which has no names.
Foreign text goes through `sanitize`, and characters that the stream's encoding lacks are escaped, so that
no terminal, pipe or log has trouble with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from fleetscan import places
from fleetscan.records.report import Report
from fleetscan.records.totals import Totals
from fleetscan.report.commands import Spelled
from fleetscan.report.digest import report_of_totals
from fleetscan.report.figures import counted
from fleetscan.report.judged_lists import JudgedLists
from fleetscan.report.name_lists import BAD, Line, NameLists, Style
from fleetscan.report.overview import LABEL_CELLS, Overview
from fleetscan.report.sanitize import fit, sanitize
from fleetscan.report.screen import console_on
from fleetscan.report.which_run import minute

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

PATH_LIMIT_CHARS = 1000
# Narrower, a label stands above its text and not beside it.
NARROW_CELLS = 48
NARROW_INDENT = 2


def print_report(report: Report, *, stream: TextIO, spelled: Spelled) -> None:
    """Print `report`, with the commands for its run as they are `spelled`."""
    screen = _Screen(report, stream)
    told = f"Run of {minute(report['started_at'])}", screen.overview.place()
    screen.headline(f"{', '.join(filter(None, told))}: {screen.overview.sentence()}")
    for why in report["partial"]:
        screen.row("PARTIAL", why, BAD)
    screen.gates(in_full=True)
    screen.figures()
    if left := report["fleet"]["outcomes"]["interrupted"]:
        screen.row("Unfinished", f"{counted(left, 'VM has', 'VMs have')} no row", BAD)
    # A scan that is listing its fleet may find some yet.
    if not report["fleet"]["listed"] and report["inventory_errors"] is not None:
        screen.row("Empty", "no VM was found: check the selection and the permissions of the identity", BAD)
    screen.names()
    screen.blank()
    screen.more(spelled)
    screen.blank()


def print_summary(
    fleet: Totals,
    *,
    directory: Path | None,
    stream: TextIO,
    report: Report | None = None,
    spelled: Spelled | None = None,
    skipped_on_file_word: int = 0,
    are_errors_told: bool = False,
    running: int | None = 0,
    resume_command: str | None = None,
) -> None:
    """Print the end of a scan: what `fleet`, the first line of totals.jsonl, says.

    With `report`, that of its run, the VMs and patches worth a name are there too, and the commands for the
    run as they are `spelled`. Of the gates that it does not pass it has the number: the caller tells each.
    Azure works on `running` of the unfinished VMs, or may, None where that is not known; `resume_command`
    resumes the run, where it can be. `directory` is where its files are, if there are any. Of the skipped VMs
    `skipped_on_file_word` do not run by the word of the inventory file. `are_errors_told` where lines above
    say why a part was not listed: it is then only named. Terminals alone get colours, without NO_COLOR.
    """
    screen = _Screen(
        report or report_of_totals(fleet, is_merged=spelled is not None and spelled.resume is None),
        stream,
        on_file_word=skipped_on_file_word,
        are_errors_told=are_errors_told,
    )
    left = fleet["outcomes"]["interrupted"]
    screen.headline(f"{'PARTIAL: ' if left else ''}{screen.overview.at_end()}", BAD if left else "bold")
    screen.gates(in_full=False)
    screen.figures()
    screen.names()
    screen.requests()
    if left:
        screen.unfinished(running, resume_command)
    if report is not None and spelled is not None:
        # The command that resumes stands beside what is unfinished.
        screen.more(spelled._replace(resume=None))
    screen.directory(None if directory is None else places.told(str(directory)))
    screen.blank()


class _Screen:
    """Lines of a report on `stream`: two columns, or one below the other where it is narrow."""

    def __init__(
        self, report: Report, stream: TextIO, *, on_file_word: int = 0, are_errors_told: bool = False
    ) -> None:
        self._console: Console = console_on(stream)
        self._is_narrow = self._console.width < NARROW_CELLS
        encoding = self._console.encoding
        self._fit: Callable[[str], str] = lambda words: fit(words, encoding)
        self._lists = NameLists(report, self._fit, self._console.width)
        self._judged = JudgedLists(report, self._fit, self._console.width)
        self.overview = Overview(
            report, self._fit, on_file_word=on_file_word, are_errors_told=are_errors_told
        )

    def blank(self) -> None:
        """A blank line."""
        self._console.print()

    def headline(self, sentence: str, style: Style = "bold") -> None:
        """The most important facts, below a blank line."""
        self.blank()
        self._console.print(self._text(sentence, style))

    def figures(self) -> None:
        """Shares, counts, what was left out."""
        for block in self.overview.blocks():
            self._block(block)

    def gates(self, *, in_full: bool) -> None:
        """How the run stands to its gates."""
        self._block(self.overview.gates(in_full=in_full))

    def requests(self) -> None:
        """What was sent to Azure."""
        self._block(self.overview.requests())

    def names(self) -> None:
        """VMs and patches by name, then what is judged, a section each."""
        for section in chain(self._lists.sections(), self._judged.sections()):
            self.blank()
            for line in section:
                self._line(line)

    def more(self, spelled: Spelled) -> None:
        """The commands that show more of the run, or go on from it."""
        commands = self._lists.commands(spelled)
        for place, command in enumerate(commands):
            self._whole("More" if not place else "", command)

    def directory(self, path: str | None) -> None:
        """Where the files are."""
        if path is not None:
            self._whole("Files", sanitize(path, PATH_LIMIT_CHARS))

    def unfinished(self, running: int | None, command: str | None) -> None:
        """How far the VMs without a row have come, and the `command`, which is on one line, whole."""
        text = self.overview.unfinished_words(running)
        if command is not None:
            text += "; resume with:"
            is_wide = LABEL_CELLS + 2 + len(text) + 1 + len(command) <= self._console.width
            text += f" {command}" if is_wide else f"\n{command}"
        self._whole("Unfinished", text, BAD)

    def row(self, label: str, words: str, style: Style = "") -> None:
        """A label and its text."""
        self._rows([(self._text(label, style), self._text(words, style))])

    def _block(self, lines: Iterable[tuple[Text, Text]]) -> None:
        rows = [*lines]
        if rows:
            self.blank()
            self._rows(rows)

    def _rows(self, rows: list[tuple[Text, Text]]) -> None:
        from rich.padding import Padding
        from rich.table import Table

        if self._is_narrow:
            for label, text in rows:
                if label.plain:
                    self._console.print(label)
                self._console.print(Padding(text, (0, 0, 0, NARROW_INDENT)))
            return
        table = Table.grid(padding=(0, 2))
        table.add_column(min_width=LABEL_CELLS)
        table.add_column(overflow="fold")
        for label, text in rows:
            table.add_row(label, text)
        self._console.print(table)

    def _line(self, line: Line) -> None:
        """A line of a section, which fits the screen; what does not is folded behind its own indent."""
        from rich.padding import Padding

        text = self._text("")
        for words, style in line.parts:
            text.append(words, style)
        self._console.print(Padding(text, (0, 0, 0, line.indent)))

    def _whole(self, label: str, words: str, style: Style = "") -> None:
        """Never folded, so that command and path can be copied."""
        beside = (
            f"{label}\n"
            if self._is_narrow and label
            else ""
            if self._is_narrow
            else label.ljust(LABEL_CELLS + 2)
        )
        self._console.print(self._text(beside + words, style), soft_wrap=True)

    def _text(self, words: str, style: Style = "") -> Text:
        """`words` as the stream can show them; rich does not read markup in them."""
        from rich.text import Text

        return Text(self._fit(words), style)
