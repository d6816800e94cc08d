"""The desk over which every request of a scan goes out and every reply comes in: plain calls, told the time.

Between the agenda, which decides what is sent, and whoever carries it: it counts, journals, watches for a
refused token, and keeps a bug with one reply from ending the night. A dispatcher drives it over a real wire,
a test in virtual time.
"""

from __future__ import annotations

from collections.abc import Callable

from fleetscan.engine.agenda import Agenda, Finished, WaitUntil
from fleetscan.engine.lanes import Step
from fleetscan.engine.operation import Operation
from fleetscan.engine.replies import is_not_taken
from fleetscan.errors import FleetscanError
from fleetscan.model import Errand, Reply, RequestKind
from fleetscan.results.fleet_facts import RequestCounts
from fleetscan.scan.journal import Journal, NoJournal
from fleetscan.scan.outages import Outages
from fleetscan.scan.refusals import Refusals
from fleetscan.scan.watcher import Watcher


class Desk:
    """`counts` are the requests sent so far, `accepted` the starts Azure took.

    `on_end` is given each errand that has ended, `on_bug` each whose reply made our own code raise.
    """

    def __init__(
        self,
        agenda: Agenda,
        *,
        watcher: Watcher,
        on_end: Callable[[Errand], None],
        on_bug: Callable[[Errand, Exception, float], None],
    ) -> None:
        self._agenda = agenda
        self._watcher = watcher
        self._on_end = on_end
        self._on_bug = on_bug
        self._refusals = Refusals()
        self._outages = Outages(watcher)
        # Until the run has a directory there is nothing to go on with.
        self.journal: Journal = NoJournal()
        self.counts = RequestCounts()
        self.accepted = 0

    def add(self, errand: Errand, now: float) -> None:
        """Take in an errand."""
        self._agenda.add(errand, now)

    def stop_starting(self) -> None:
        """Send no start any more; what runs is read on."""
        self._agenda.stop_starting()

    def claim(self, now: float) -> Step | WaitUntil | Finished:
        """What to do now. A start is in the journal before anybody can send it."""
        step = self._agenda.next(now)
        if isinstance(step, Step):
            kind = step.turn.kind
            if kind is RequestKind.START and isinstance(step.errand, Operation):
                self.journal.starting(step.errand.number, now)
            self._watcher.sent(kind)
            self.counts.sent(kind, is_retry=step.turn.is_retry)
        return step

    def settle(self, step: Step, reply: Reply, now: float) -> None:
        """Give a step's reply to its errand; every step that was claimed comes back once, here or to `broke`.

        Raises the FleetscanError that ends the scan.
        """
        if reply.status == 401 and not self._refusals.is_about(step.errand, reply):
            self._note_not_taken(step)
            self._agenda.put_back(step, self._refusals.delay_s(step.sent_at, now), now)
            return
        self._refusals.heard(step.errand, reply)
        self._tell(step, reply)
        try:
            has_ended = self._agenda.settle(step, reply, now)
            self._note(step, reply)
            if has_ended:
                self._on_end(step.errand)
            self._heed_outages(now)
        except FleetscanError:
            raise
        except Exception as bug:  # noqa: BLE001 - one odd reply ends one machine, never the night
            self._on_bug(step.errand, bug, now)

    def broke(self, step: Step, bug: Exception, now: float) -> None:
        """The exchange of a step raised what no wire should."""
        self._agenda.forget(step, now)
        self._on_bug(step.errand, bug, now)
        self._heed_outages(now)

    def _heed_outages(self, now: float) -> None:
        """Tell of regions that stopped answering, and end the machines that are not asked for any more."""
        while self._agenda.outages:
            outage = self._agenda.outages.pop(0)
            self._outages.heard(outage)
            for errand in outage.given_up:
                assert isinstance(errand, Operation)
                errand.give_up(now)
                self._on_end(errand)

    def _note(self, step: Step, reply: Reply) -> None:
        """What the reply changed, in the journal before anything follows from it."""
        operation = step.errand
        if not isinstance(operation, Operation):
            return
        reading = operation.reading
        if step.turn.kind is RequestKind.START:
            if reading is not None:
                self.journal.accepted(operation.number, step.sent_at, reading.accepted_at, reading.trail)
            elif is_not_taken(reply) or reply.status == 409:
                self._note_not_taken(step)
        elif reading is not None and ("location" in reply.headers or "azure-asyncoperation" in reply.headers):
            self.journal.moved(operation.number, reading.trail)

    def _note_not_taken(self, step: Step) -> None:
        if step.turn.kind is RequestKind.START and isinstance(step.errand, Operation):
            self.journal.not_taken(step.errand.number)

    def _tell(self, step: Step, reply: Reply) -> None:
        if reply.status == 429:
            self.counts.throttled += 1
            self._watcher.throttled(step.turn.kind)
        elif reply.status in (200, 202) and step.turn.kind is RequestKind.START:
            self.accepted += 1
            self._watcher.accepted()
