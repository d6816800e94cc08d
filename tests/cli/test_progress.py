"""Progress: what the hooks told, in lines a log can keep and in a display that fits a terminal."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pytest
from rich.console import Console

from fleetscan.cli import wording
from fleetscan.cli.drawing import draw
from fleetscan.cli.progress import Lines, progress
from fleetscan.cli.tally import Speed, Tally
from fleetscan.errors import ResumeCommand, resume_with
from fleetscan.model import InventoryError, Outcome, RequestKind
from fleetscan.outlook import Outlook
from fleetscan.scanner.asking import selection_of
from fleetscan.scanner.hooks import Hooks
from fleetscan.settings.declared import Settings


@dataclass
class Clock:
    """A clock that stands still until it is set."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def tell_of_a_scan(hooks: Hooks) -> None:
    """100 machines: 10 skipped, 50 assessed, 5 failed, 1 timed out, and 4 of 60 operations still running."""
    hooks.phase("scanning")
    hooks.listed(100, 10)
    hooks.selected(selection_of(Settings()), [], 0)
    for _ in range(60):
        hooks.sent(RequestKind.START)
        hooks.accepted()
    for _ in range(56):
        hooks.finished()
    for kind in (RequestKind.POLL, RequestKind.RESULT):
        for _ in range(60):
            hooks.sent(kind)
    hooks.throttled(RequestKind.START)
    hooks.outlook(Outlook(1130.0, 12, 4, 180.0))
    ends = ((10, Outcome.SKIPPED), (50, Outcome.ASSESSED), (5, Outcome.FAILED), (1, Outcome.TIMED_OUT))
    for number, outcome in ends:
        for _ in range(number):
            hooks.ended(outcome, None)


def drawn(tally: Tally, now: float, encoding: str = "utf-8", *, verbose: bool = False) -> list[str]:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=stream, width=80)
    with console.capture() as capture:
        console.print(draw(tally.view(now), encoding, verbose=verbose))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_a_line_of_a_log_says_how_the_scan_stands() -> None:
    tally = Tally(1000.0)
    tell_of_a_scan(tally)
    tally.waiting(1042.0, "to start the next VM")
    assert wording.line(tally.view(1030.0)) == (
        "scanning: 66 of 100 done (50 assessed, 5 failed, 1 timed out, 10 skipped), 4 running, "
        "30 to start, waiting 12 s to start the next VM, about 1 min 40 s left"
    )
    assert "30 to start, 2.0 starts/s, 4.0 polls/s, 1 throttled, waiting" in wording.line(
        tally.view(1030.0), verbose=True
    )


def test_while_the_fleet_grows_neither_line_nor_bar_takes_it_for_the_whole() -> None:
    tally = Tally(1000.0)
    tally.phase("scanning")
    tally.listed(3000, 10)
    tally.ended(Outcome.ASSESSED, None)
    assert wording.line(tally.view(1030.0)).startswith(
        "scanning: 1 done of 3,000 listed so far (1 assessed, "
    )
    assert drawn(tally, 1030.0)[0].endswith("1 of 3,000  so far")


def test_before_the_fleet_is_known_a_line_says_what_was_found_so_far() -> None:
    tally = Tally(1000.0)
    tally.phase("listing")
    tally.sent(RequestKind.QUERY_GRAPH)
    tally.listed(4000, 12)
    assert wording.line(tally.view(1001.0)) == "listing: 4,000 VMs so far, 1 request"


def test_lines_come_every_30_seconds_however_often_one_looks() -> None:
    clock, said = Clock(), list[str]()
    tally = Tally(clock())
    tally.phase("listing")
    lines = Lines(tally, said.append, clock)
    for now in range(1001, 1091):
        clock.now = float(now)
        lines.tick()
    assert len(said) == 3


def test_a_wait_below_a_second_is_not_shown_and_one_without_an_end_is() -> None:
    tally = Tally(1000.0)
    tally.waiting(1010.0, "to fetch results")
    assert wording.waiting(tally.view(1009.0)) == "waiting 1 s to fetch results"
    assert wording.waiting(tally.view(1009.1)) == ""
    assert wording.waiting(tally.view(1010.0)) == ""
    tally.waiting(None, "for a token\x1b")
    assert wording.waiting(tally.view(1010.0)) == "waiting for a token\\x1b"


def test_a_speed_is_measured_over_its_window_alone() -> None:
    speed = Speed(10.0, 0.0)
    assert speed.at(10.0, 100) == 10.0
    assert speed.at(20.0, 100) == 0.0
    assert speed.at(25.0, 130) == 2.0
    assert speed.at(25.0, 130) == 2.0


def test_a_speed_between_rare_looks_is_measured_from_one_to_the_next() -> None:
    speed = Speed(10.0, 0.0)
    assert speed.at(30.0, 60) == 2.0
    assert speed.at(60.0, 150) == 3.0


def test_many_looks_keep_no_more_samples_than_the_window_holds() -> None:
    speed = Speed(10.0, 0.0)
    for look in range(4000):
        speed.at(look / 4, look)
    assert len(speed._samples) == 41


def left(outlook: Outlook, now: float, total: int = 100, done: int = 0) -> str:
    tally = Tally(0.0)
    tally.listed(total, 0)
    for _ in range(done):
        tally.ended(Outcome.ASSESSED, None)
    for _ in range(outlook.running):
        tally.accepted()
    tally.outlook(outlook)
    return wording.left(tally.view(now))


def test_nothing_is_said_of_the_time_left_until_it_is_foretold() -> None:
    assert wording.left(Tally(0.0).view(10.0)) == ""
    assert left(Outlook(None, 5, 95), 10.0) == ""


@pytest.mark.parametrize(
    ("ends_at", "words"),
    [
        (100.0, "seconds left"),
        (104.0, "seconds left"),
        (122.0, "about 20 s left"),
        (218.0, "about 2 min left"),
        (480.0, "about 6 min left"),
        (7300.0, "about 2 h left"),
    ],
)
def test_the_time_left_counts_down_to_what_was_foretold_and_is_never_none(ends_at: float, words: str) -> None:
    assert left(Outlook(ends_at, 5, 95), 100.0) == words


def test_the_tail_says_how_many_are_left_and_how_long_such_ones_take() -> None:
    assert left(Outlook(260.0, 0, 3, 540.0), 100.0, done=97) == (
        "about 3 min left: 3 VMs, such ones take about 9 min"
    )
    assert left(Outlook(130.0, 0, 1, 33.0), 100.0, done=99) == (
        "about 30 s left: 1 VM, such a one takes about 30 s"
    )
    assert left(Outlook(260.0, 0, 50, 540.0), 100.0, done=50) == "about 3 min left"


def test_what_the_scan_waits_for_takes_no_longer_than_all_that_is_left() -> None:
    tally = Tally(0.0)
    tally.listed(100, 0)
    tally.outlook(Outlook(110.0, 5, 95))
    tally.waiting(160.0, "to start the next VM")
    assert wording.left(tally.view(100.0)) == "about 1 min left"


def test_the_display_is_four_lines_of_80_columns_at_every_moment() -> None:
    tally = Tally(1000.0)
    tally.phase("scanning")
    tally.listed(100, 10)
    assert len(drawn(tally, 1000.0)) == 4
    tell_of_a_scan(tally)
    tally.waiting(1042.0, "for something with a name so long that it does not fit any terminal " * 3)
    lines = drawn(tally, 1030.0)
    assert lines[0].startswith("Scanning ━")
    assert lines[0].endswith("66 of 100  66 %")
    assert lines[1] == "50 assessed   5 failed   1 timed out   10 skipped   4 running   30 to start"
    assert lines[2] == "about 1 min 40 s left"
    assert drawn(tally, 1030.0, verbose=True)[2] == (
        "2.0 starts/s   4.0 polls/s   1 throttled   about 1 min 40 s left"
    )
    assert lines[3].startswith("waiting 12 s for something with a name")
    assert [len(line) <= 80 for line in lines] == [True] * 4


def test_the_display_needs_nothing_but_ascii() -> None:
    tally = Tally(1000.0)
    tell_of_a_scan(tally)
    tally.waiting(None, "for Zürich")
    lines = drawn(tally, 1030.0, "ascii")
    assert lines[3] == "waiting for Z\\xfcrich"
    assert "".join(lines).isascii()


def test_without_a_terminal_warnings_come_at_once_and_the_end_is_left_to_the_summary() -> None:
    clock, stream = Clock(), io.StringIO()
    with progress(False, stream=stream, clock=clock) as hooks:
        tell_of_a_scan(hooks)
        hooks.warning("two\nlines")
        hooks.inventory_error(InventoryError("sub-1", "AuthorizationFailed", "no\x1b", 403))
        clock.now = 1029.0
    assert stream.getvalue().splitlines() == [
        "warning: two lines",
        "warning: not listed: subscription sub-1: AuthorizationFailed (403): no\\x1b; "
        "give the identity Microsoft.Compute/virtualMachines/read there (in the role Reader)",
    ]


@pytest.mark.parametrize("quiet", [True, False])
def test_a_note_says_which_run_it_is_and_what_to_do_in_the_command_line_s_words(quiet: bool) -> None:
    stream = io.StringIO()
    with progress(quiet, stream=stream, clock=Clock()) as hooks:
        hooks.note("an old run", resume_with(ResumeCommand("my runs/1")))
    assert stream.getvalue() == ("note: an old run; resume with: fleetscan resume 'my runs/1'\n")


def test_quiet_leaves_warnings_alone() -> None:
    stream = io.StringIO()
    with progress(True, stream=stream, clock=Clock()) as hooks:
        tell_of_a_scan(hooks)
        hooks.warning("the token ends before the scan does")
    assert stream.getvalue() == "warning: the token ends before the scan does\n"


@pytest.mark.parametrize("quiet", [True, False])
def test_a_scan_that_never_had_a_fleet_has_no_last_line(quiet: bool) -> None:
    stream = io.StringIO()
    with progress(quiet, stream=stream, clock=Clock()) as hooks:
        hooks.phase("listing")
    assert stream.getvalue() == ""


def test_a_scan_that_breaks_still_says_how_far_it_came() -> None:
    stream = io.StringIO()
    with pytest.raises(KeyError), progress(False, stream=stream, clock=Clock()) as hooks:  # noqa: PT012
        hooks.listed(5, 0)
        hooks.selected(selection_of(Settings()), [], 0)
        raise KeyError
    assert stream.getvalue() == (
        "0 of 5 done (0 assessed, 0 failed, 0 skipped) in 0 s, 0 requests, 0 throttled\n"
    )


def test_on_a_terminal_a_scan_that_breaks_says_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    clock, stream = Clock(), Terminal()
    with pytest.raises(KeyError), progress(False, stream=stream, clock=clock) as hooks:  # noqa: PT012
        tell_of_a_scan(hooks)
        clock.now = 1029.0
        raise KeyError
    assert stream.getvalue().endswith(
        "66 of 100 done (50 assessed, 5 failed, 1 timed out, 10 skipped) in 29 s,\n"
        "  180 requests, 1 throttled\n"
    )


def test_on_a_terminal_the_display_goes_away_and_leaves_the_screen_to_the_summary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with progress(False, stream=stream, clock=Clock()) as hooks:
        tell_of_a_scan(hooks)
        hooks.warning("[bold]odd")
    shown = stream.getvalue()
    assert "[bold]odd" in shown
    hidden, visible = (shown.rfind(text) for text in ("\x1b[?25l", "\x1b[?25h"))
    assert -1 < hidden < visible
    assert "done (" not in shown[visible:]
    wiped = shown[shown.rfind("Scanning") :].count("\x1b[1A\x1b[2K")
    assert wiped == 4


def test_a_line_breaks_no_figure_where_a_dumb_terminal_is_narrower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "60")
    stream = Terminal()
    with pytest.raises(KeyError), progress(False, stream=stream, clock=Clock()) as hooks:  # noqa: PT012
        tell_of_a_scan(hooks)
        raise KeyError
    assert stream.getvalue().splitlines() == [
        "66 of 100 done (50 assessed, 5 failed, 1 timed out,",
        "  10 skipped) in 0 s, 180 requests, 1 throttled",
    ]


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    with progress(False, stream=stream, clock=Clock()) as hooks:
        tell_of_a_scan(hooks)
        hooks.warning("odd")
    assert stream.getvalue() == "warning: odd\n"


def test_a_reader_that_went_away_does_not_end_the_scan() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    with progress(False, stream=Gone(), clock=Clock()) as hooks:
        hooks.listed(5, 0)
        hooks.selected(selection_of(Settings()), [], 0)
        hooks.warning("not read")
