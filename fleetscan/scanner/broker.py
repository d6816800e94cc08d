"""The broker: every request of a scan passes it on the way out, and every reply on the way back.

Plain calls that take the time as an argument. The scheduler decides what is sent and the dispatcher sends it;
between them the broker counts, journals, watches for a refused token, and lets a bug in our handling of one
reply fail only that VM.
"""

from __future__ import annotations

from collections.abc import Callable

from fleetscan.engine.operation import Operation
from fleetscan.engine.phase import lowered
from fleetscan.engine.poll import Polling
from fleetscan.engine.queues import Step
from fleetscan.engine.refused_scopes import RefusedScopes
from fleetscan.engine.replies import is_not_taken, is_refusal, read_error
from fleetscan.engine.scheduler import Finished, Scheduler, WaitUntil
from fleetscan.errors import FleetscanError
from fleetscan.model import Job, Reply, RequestKind, Stage
from fleetscan.records.fleet_facts import RequestCounts
from fleetscan.records.journal import OperationMoved, StartAccepted, StartNotTaken, StartSending
from fleetscan.records.times import WallClock
from fleetscan.runs.journal import Journal, NoJournal
from fleetscan.scanner.auth import TokenRefusals
from fleetscan.scanner.hooks import Hooks
from fleetscan.scanner.outage_notices import Outages
from fleetscan.scanner.silence import Silence
from fleetscan.scanner.unfinished import Unfinished

# How long the reply to a start takes: an assumption until some came, of which the newest counts for a tenth.
USUAL_START_S = 0.2
NEWEST_SHARE = 0.1


class Broker:
    """`counts` are the requests sent so far, `accepted` the starts that Azure accepted.

    `silence` tells whether any request was answered.

    `on_end` gets each job that has finished, `on_bug` each whose reply made our own code raise.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        *,
        hooks: Hooks,
        on_end: Callable[[Job], None],
        on_bug: Callable[[Job, Exception, float], None],
    ) -> None:
        self._scheduler = scheduler
        self._hooks = hooks
        self._on_end = on_end
        self._on_bug = on_bug
        self._refusals = TokenRefusals()
        self._outages = Outages(hooks)
        self._refused = RefusedScopes()
        # Before the run has a directory there is nothing to resume.
        self._journal: Journal = NoJournal()
        self._clock = WallClock.at_zero()
        self._unfinished: Unfinished | None = None
        self.silence = Silence()
        self.counts = RequestCounts()
        self.accepted = 0
        self._start_s = USUAL_START_S

    def note_in(self, journal: Journal, clock: WallClock, unfinished: Unfinished) -> None:
        """Note starts and operations in `journal` and in `unfinished` from now on, in moments of `clock`."""
        self._journal, self._clock, self._unfinished = journal, clock, unfinished

    def add(self, job: Job, now: float) -> None:
        """Take in a job; a VM of a scope that refuses every start ends at once."""
        if isinstance(job, Operation) and self._is_refused(job):
            self._end_unasked(job)
        else:
            self._scheduler.add(job, now)

    def add_aside(self, job: Job, now: float) -> None:
        """Take in a job that nothing waits for."""
        self._scheduler.add_aside(job, now)

    def is_aside(self, step: Step) -> bool:
        """Whether nothing waits for the step's job."""
        return self._scheduler.is_aside(step)

    def heard(self, operation: Operation) -> None:
        """It has become known how long an operation takes whose start waits."""
        target = operation.target
        self._scheduler.heard(lowered(target.subscription_id), target.location or "")

    def leave(self, step: Step, now: float) -> None:
        """The exchange of a step that nothing waits for was given up."""
        self._scheduler.forget(step, now)

    def stop_starting(self) -> None:
        """Send no more starts; running assessments are still polled."""
        self._scheduler.stop_starting()

    def starts_to_come(self, now: float) -> tuple[int, float]:
        """How many starts wait, and in how many seconds the last can go, by buckets and by workers."""
        waiting, last_at = self._scheduler.starts_to_come(now)
        return waiting, max(last_at - now, waiting * self._start_s / self._scheduler.workers)

    def due_at(self) -> float:
        """When something may be claimed at the earliest, as far as is known now."""
        return self._scheduler.due_at()

    def claim(self, now: float) -> Step | WaitUntil | Finished:
        """What to do now. A start is in the journal before it can be sent."""
        step = self._scheduler.next(now)
        if isinstance(step, Step):
            kind = step.turn.kind
            if kind is RequestKind.START and isinstance(step.job, Operation):
                self._journal.write(StartSending(step.job.number, self._clock.epoch(now)))
                if self._unfinished is not None:
                    self._unfinished.sent(step.job.number)
            self._hooks.sent(kind)
            self.counts.sent(kind, is_retry=step.turn.is_retry)
        return step

    def settle(self, step: Step, reply: Reply, now: float) -> None:
        """Give a step's reply to its job; each claimed step comes back exactly once, here or to `broke`.

        Raises the FleetscanError that ends the scan.
        """
        if reply.status == 401 and not self._refusals.is_about(step.job, reply):
            self._note_not_taken(step)
            self._scheduler.put_back(step, self._refusals.delay_s(step.sent_at, now), now)
            return
        self._refusals.heard(step.job, reply)
        self.silence.heard(step.request, reply, step.sent_at)
        self._tell(step, reply, now)
        try:
            has_ended = self._scheduler.settle(step, reply, now)
            self._note(step, reply)
            if has_ended:
                self._on_end(step.job)
            self._heed_refusal(step, reply)
            # A listing says by itself that it came to nothing.
            if isinstance(step.job, Operation):
                self.silence.refuse_long(now)
            self._heed_outages(now)
        except FleetscanError:
            raise
        except Exception as bug:  # noqa: BLE001 - one odd reply fails one VM, never the whole scan
            self._on_bug(step.job, bug, now)

    def broke(self, step: Step, bug: Exception, now: float) -> None:
        """The exchange of a step raised something that no transport should raise."""
        self._scheduler.forget(step, now)
        self._on_bug(step.job, bug, now)
        self._heed_outages(now)

    def _heed_outages(self, now: float) -> None:
        """Report regions that stopped responding, and fail the VMs that were given up."""
        while self._scheduler.outages:
            outage = self._scheduler.outages.pop(0)
            self._outages.heard(outage)
            for job in outage.given_up:
                assert isinstance(job, Operation)
                job.give_up(now)
                self._on_end(job)

    def _heed_refusal(self, step: Step, reply: Reply) -> None:
        """End the VMs for which the refusal of another one's start holds too."""
        if step.turn.kind is not RequestKind.START or not isinstance(step.job, Operation):
            return
        if (scope := self._refused.heard(step.job.target, reply)) is None:
            return
        unasked = self._scheduler.take_out_starts(
            scope.subscription_id, lambda job: isinstance(job, Operation) and self._is_refused(job)
        )
        are = "1 more VM there is" if len(unasked) == 1 else f"{len(unasked):,} more VMs there are"
        not_tried = f": {are} not tried" if unasked else ""
        code = read_error(reply, Stage.START).code or reply.status
        self._hooks.warning(f"Azure refuses every start in {scope} ({code}){not_tried}")
        for job in unasked:
            assert isinstance(job, Operation)
            self._end_unasked(job)

    def _is_refused(self, operation: Operation) -> bool:
        return not operation.was_tried and self._refused.ending_of(operation.target) is not None

    def _end_unasked(self, operation: Operation) -> None:
        ending = self._refused.ending_of(operation.target)
        assert ending is not None
        operation.end_unasked(ending)
        self._on_end(operation)

    def _note(self, step: Step, reply: Reply) -> None:
        """Journal what the reply changed, before anything else follows from it."""
        operation = step.job
        if not isinstance(operation, Operation):
            return
        polling = operation.polling
        if step.turn.kind is RequestKind.START:
            if polling is not None:
                self._note_accepted(operation.number, step.sent_at, polling)
            elif is_not_taken(reply) or is_refusal(reply):
                self._note_not_taken(step)
        elif polling is not None and ("location" in reply.headers or "azure-asyncoperation" in reply.headers):
            self._journal.write(OperationMoved(operation.number, polling.urls.told()))

    def _note_accepted(self, number: int, posted_at: float, polling: Polling) -> None:
        at, accepted_at = self._clock.epoch(posted_at), self._clock.epoch(polling.accepted_at)
        self._journal.write(StartAccepted(number, at, accepted_at, polling.urls.told()))
        if self._unfinished is not None:
            self._unfinished.accepted(number)

    def _note_not_taken(self, step: Step) -> None:
        if step.turn.kind is RequestKind.START and isinstance(step.job, Operation):
            self._journal.write(StartNotTaken(step.job.number))
            if self._unfinished is not None:
                self._unfinished.not_taken(step.job.number)

    def _tell(self, step: Step, reply: Reply, now: float) -> None:
        took_s = now - step.sent_at
        self._hooks.answered(step.turn.kind, reply.status, took_s)
        if step.turn.kind is RequestKind.START:
            self._start_s += NEWEST_SHARE * (took_s - self._start_s)
        if reply.status == 429:
            self.counts.throttled += 1
            self._hooks.throttled(step.turn.kind)
        elif reply.status in (200, 202) and step.turn.kind is RequestKind.START:
            self.accepted += 1
            # One that is accepted once more goes on running.
            if not (isinstance(step.job, Operation) and step.job.is_accepted):
                self._hooks.accepted()
