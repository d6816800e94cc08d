"""An unattended scan in the lines of a log: what runs, how it stands, and how it ended.

The first line is written once the fleet is listed, or after some seconds with what is known then. The last
one is written however the scan ends, with the exit code.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from fleetscan import places
from fleetscan.cli import wording
from fleetscan.cli.console import shell_word, with_remedy
from fleetscan.cli.endings import level_of_end, meaning
from fleetscan.cli.failed_line import failed_line
from fleetscan.cli.log_lines import Log, Told
from fleetscan.cli.progress import FAILED, TICK_EVERY_S, Teller, ticking
from fleetscan.cli.tally import View
from fleetscan.errors import Remedy
from fleetscan.model import InventoryError
from fleetscan.records.row import Row
from fleetscan.records.run import Principal
from fleetscan.records.totals import Totals
from fleetscan.report.figures import counted, duration
from fleetscan.report.sanitize import sanitize
from fleetscan.scanner.hooks import Conclusion, Opening
from fleetscan.version import __version__

Clock = Callable[[], float]


class Night(Teller):
    """Tells `log` of a scan."""

    def __init__(self, log: Log, clock: Clock, *, is_verbose: bool) -> None:
        super().__init__(lambda line: log.tell(logging.INFO, line), clock())
        self._log = log
        self._clock = clock
        self._began_at = clock()
        self._is_verbose = is_verbose
        self._opening: Opening | None = None
        self._conclusion: Conclusion | None = None
        self._counted: tuple[int, int] | None = None
        self._is_introduced_in_full = False

    def opened(self, opening: Opening) -> None:
        """See Hooks."""
        self._opening = opening

    def counted(self, vms: int, subscriptions: int) -> None:
        """See Hooks. Now the first line can be told; if it could not wait, the rest of it."""
        self._counted = vms, subscriptions
        self._log.introduce()
        if not self._is_introduced_in_full and not self._log.is_quiet:
            first = self.first_line()
            self._log.tell(first.level, first.message, **first.fields)

    def concluded(self, conclusion: Conclusion) -> None:
        """See Hooks."""
        self._conclusion = conclusion

    def row(self, row: Row) -> None:
        """See Hooks."""
        if self._is_verbose and row["outcome"] in FAILED:
            error = row["error"]
            self._log.tell(
                logging.WARNING,
                failed_line(row, "utf-8"),
                event="vm",
                resource_id=row["resource_id"],
                outcome=row["outcome"],
                reason=row["reason"],
                code=error["code"] if error else None,
            )

    def note(self, sentence: str, remedy: Remedy | None = None) -> None:
        """See Hooks."""
        self._say_safely(logging.INFO, sentence, remedy)

    def warning(self, sentence: str, remedy: Remedy | None = None) -> None:
        """See Hooks."""
        self._say_safely(logging.WARNING, sentence, remedy)

    def inventory_error(self, error: InventoryError) -> None:
        """See Hooks."""
        self.has_told_errors = True
        self._log.tell(logging.WARNING, wording.not_listed(error).removeprefix("warning: "))

    def tell_progress(self) -> None:
        """How the scan stands, in a line."""
        view = self.view(self._clock())
        if view.phase:
            words = wording.line(view, verbose=self._is_verbose)
            self._log.tell(logging.INFO, words, event="progress", **_standing(view))

    def first_line(self) -> Told:
        """What runs, as far as is known."""
        self._is_introduced_in_full = self._counted is not None
        opening = self._opening
        principal = None if opening is None else opening.principal
        directory = None if opening is None else opening.directory
        vms, subscriptions = self._counted or (None, None)
        fields = {
            "event": "begin",
            "version": __version__,
            "scan_id": None if opening is None else opening.scan_id,
            "principal": principal if principal and any(principal.values()) else None,
            "vms": vms,
            "subscriptions": subscriptions,
            "directory": None if directory is None else places.told(str(directory)),
        }
        parts = [self._fleet(), f"run in {shell_word(places.told(str(directory)))}" if directory else ""]
        said = f"fleetscan {__version__}{_who(principal)}: {', '.join(filter(None, parts))}"
        return Told(logging.INFO, said, fields)

    def last_line(self, code: int) -> Told:
        """How it ended; `code` is the process's, which has the last word."""
        end = self._conclusion
        totals = None if end is None else end.totals
        told = self._opening.directory if self._opening else None
        directory = (end.directory if end is not None else None) or told
        fields = {
            "event": "end",
            "exit_code": code,
            "meaning": meaning(code),
            "directory": None if directory is None else places.told(str(directory)),
            **(_standing(self.view(self._clock())) if totals is None else _sums(totals)),
        }
        figures = self._so_far() if totals is None else _totals(totals)
        where = f"run in {shell_word(places.told(str(directory)))}" if directory else ""
        said = f"exit {code} ({meaning(code)}): {'; '.join(filter(None, [*figures, where]))}"
        return Told(level_of_end(code), said, fields)

    def _fleet(self) -> str:
        if self._counted is None:
            found = self.view(self._clock()).total
            is_listing = self.view(self._clock()).phase == "listing"
            at_first = "the fleet is being listed" if is_listing else "nothing is listed yet"
            return f"{counted(found, 'VM', 'VMs')} listed so far" if found else at_first
        vms, subscriptions = self._counted
        return f"{counted(vms, 'VM', 'VMs')} in {counted(subscriptions, 'subscription', 'subscriptions')}"

    def _so_far(self) -> Iterator[str]:
        view = self.view(self._clock())
        if view.total or view.requests:
            yield wording.last_line(view, self._clock() - self._began_at)
        else:
            yield "no VM was scanned"

    def _say_safely(self, level: int, sentence: str, remedy: Remedy | None) -> None:
        safe = sanitize(self._log.secrets.hide(sentence), wording.SENTENCE_LIMIT_CHARS)
        self._log.tell(level, with_remedy(safe, remedy))


@contextmanager
def night(
    log: Log, *, quiet: bool, verbose: bool, every_s: float, clock: Clock = time.monotonic
) -> Iterator[Night]:
    """Hooks that tell `log` of a scan while the block runs; how it stands every `every_s`, 0 for never."""
    hooks = Night(log, clock, is_verbose=verbose)
    log.begin(hooks.first_line, hooks.last_line, is_quiet=quiet)
    due_at = clock() + every_s

    def tick() -> None:
        nonlocal due_at
        log.tick()
        if every_s and not quiet and clock() >= due_at:
            due_at = clock() + every_s
            hooks.tell_progress()

    with ticking(tick, min(TICK_EVERY_S, every_s or TICK_EVERY_S)):
        yield hooks


def _who(principal: Principal | None) -> str:
    """Whose token it is, as far as it says so: `` as nightly (app 1111, tenant 2222)``."""
    if principal is None or not any(principal.values()):
        return ""
    name = principal["name"] or principal["app_id"] or principal["object_id"] or "an identity without a name"
    ids = (("app", principal["app_id"]), ("tenant", principal["tenant_id"]))
    more = ", ".join(f"{what} {sanitize(value)}" for what, value in ids if value and value != name)
    return f" as {sanitize(name)}{f' ({more})' if more else ''}"


def _totals(totals: Totals) -> Iterator[str]:
    outcomes = {name: int(str(number)) for name, number in totals["outcomes"].items()}
    ends = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in outcomes.items() if number)
    yield f"{counted(totals['listed'], 'VM', 'VMs')}{f' ({ends})' if ends else ''}"
    yield f"missing: {_missing(totals)}"
    requests = totals["requests"]
    sent = sum(int(str(requests[kind])) for kind in ("list", "start", "poll", "other"))
    yield f"{counted(sent, 'request', 'requests')}, {requests['throttled']:,} throttled"
    yield duration(totals["duration_s"])


def _missing(totals: Totals) -> str:
    """What the assessed VMs miss; where none was assessed, that is not known."""
    if not totals["outcomes"]["assessed"]:
        return "unknown"
    security, other = totals["critical_and_security_count"], totals["other_count"]
    return f"{security:,} critical and security, {other:,} other"


def _sums(totals: Totals) -> Mapping[str, object]:
    patches = ("critical_and_security_count", "other_count")
    names = ("listed", "outcomes", *patches, "coverage_pct", "compliance_pct", "duration_s", "requests")
    unknown = () if totals["outcomes"]["assessed"] else patches
    return {name: None if name in unknown else totals[name] for name in names}  # type: ignore[literal-required]


def _standing(view: View) -> Mapping[str, object]:
    names = ("phase", "total", "done", "assessed", "failed", "timed_out", "skipped", "running", "to_start")
    figures = {name: getattr(view, name) for name in (*names, "requests", "throttled")}
    return {**figures, "left_s": None if view.left_s is None else round(view.left_s)}
