"""Starting assessments and reading their operations, on the wire exactly as recorded.

A start is an empty 202 with two signed URLs and no Retry-After; a status is CRLF-indented with a
compact `output` in it; Location answers 202 until the result is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import orjson

from fleetscan.model import Json
from fleetscan.simulator.arc import (
    READ_RESULT,
    refusal_of_server,
    retry_after,
    server_not_found,
    server_result,
)
from fleetscan.simulator.assessment import Assessor, Findings, inner_error, inner_status
from fleetscan.simulator.call import Call
from fleetscan.simulator.earlier import Earlier, earlier_of
from fleetscan.simulator.fates import Fate
from fleetscan.simulator.fleet import Fleet, Machine
from fleetscan.simulator.installations import Installations
from fleetscan.simulator.ledger import Ledger
from fleetscan.simulator.locks import Locks
from fleetscan.simulator.operations import Operation, Operations, State
from fleetscan.simulator.refusals import (
    already_assessing,
    denied,
    not_found,
    operation_not_found,
    refusal_of_start,
)
from fleetscan.simulator.replies import ELSEWHERE, Answer, arm_error, compute_error, indented
from fleetscan.simulator.scenario import Scenario
from fleetscan.simulator.times import Calendar
from fleetscan.simulator.troubles import LOST_AFTER_S, Trouble
from fleetscan.simulator.wrong_clocks import told_at

# In the recorded operation the guest began 4 s, and had the list 47 of 71 s, after the start.
GUEST_BEGINS_AT = 4 / 71
GUEST_LOOKED_AT = 47 / 71

_PREEMPTED = ("OperationPreempted", "Operation execution has been preempted by a more recent operation.")
_CANCELED = ("Canceled", "The operation was canceled.")
_FAILED = (
    "VMExtensionProvisioningError",
    "VM has reported a failure when processing extension 'WindowsPatchExtension' or 'LinuxPatchExtension'.",
)


class Assessments:
    """The machines' patch assessments, from the POST to the result."""

    def __init__(
        self, scenario: Scenario, fleet: Fleet, installations: Installations, calendar: Calendar
    ) -> None:
        self._scenario = scenario
        self._fleet = fleet
        self._installations = installations
        self._calendar = calendar
        self.locks = Locks(scenario, fleet)
        self._second = scenario.second_assessment
        self._lost_after_s = LOST_AFTER_S / scenario.speed
        self._operations = Operations(scenario.seed, calendar)
        self._assessor = Assessor(scenario.seed, scenario.patches)
        self.ledger = Ledger(self._result_of)

    def start(self, call: Call, machine: Machine, now: float) -> Answer:
        """POST assessPatches on a machine that is in the fleet."""
        self.ledger.starts[machine.key] += 1
        refusal = (
            self.locks.refusal(machine)
            or self._refusal_of_gone(machine, now)
            or (refusal_of_server(machine) if machine.is_arc else refusal_of_start(machine))
            or self._refusal_of_second(machine, now)
        )
        if refusal is not None:
            return refusal
        if machine.fate is Fate.NO_CONTENT:
            return Answer(204)
        operation, superseded = self._operations.begin(machine, call.api_version, now)
        self.ledger.accepted[machine.key] += 1
        if superseded is not None:
            self.ledger.superseded.append(machine.key)
        if self._installations.kill(machine, now):
            self.ledger.installations_killed.append(machine.key)
        base = ELSEWHERE if machine.lot.trouble is Trouble.ASTRAY else call.base
        if machine.is_arc:
            return self._followed(base, operation, now)
        status, result = self._operations.targets(operation)
        headers = {
            "azure-asyncnotification": "Enabled",
            "azure-asyncoperation": base + status,
            "location": base + result,
        }
        return Answer(202, b"", headers)

    def find(self, guid: str) -> Operation | None:
        """The operation a poll names."""
        return self._operations.find(guid)

    def is_gone(self, machine: Machine, at: float) -> bool:
        """Whether a machine has been deleted at a moment, which may be past."""
        if machine.lot.trouble is not Trouble.VANISHING:
            return False
        operation = self.newest_at(machine, at)
        return operation is not None and at >= operation.gone_at

    def newest_at(self, machine: Machine, at: float) -> Operation | None:
        """A machine's newest operation as of a moment, which may be past."""
        return self._operations.newest_at(machine, at)

    def machines(self) -> Iterator[Machine]:
        """The machines that have an operation."""
        return self._operations.machines()

    def findings(self, machine: Machine) -> Findings:
        """What an assessment of the machine finds, whenever it looks."""
        return self._assessor.findings(machine)

    def began(self, operation: Operation) -> str:
        """When the guest began, as RESULT has it."""
        return self.moment(operation, GUEST_BEGINS_AT)

    def poll(self, call: Call, operation: Operation, now: float) -> Answer:
        """GET of either URL. One changed byte in it is refused."""
        self.ledger.polls[operation.machine.key] += 1
        if operation.machine.is_arc:
            return self._poll_server(call, operation, now)
        status, result = self._operations.targets(operation)
        if call.target not in (status, result):
            # Azure's words for this are not known; a signature is there so that it refuses.
            return compute_error(403, "InvalidSignature", "The signature of the operation URL is not valid.")
        refusal = self._refusal_of_poll(operation, now)
        if refusal is not None:
            return refusal
        return self._monitor(operation, now) if call.target == result else self._status(operation, now)

    def _followed(self, base: str, operation: Operation, now: float) -> Answer:
        """Where an Arc server's operation is read next: under a Location alone, a new one each time."""
        target = self._operations.arc_target(operation, self._calendar.ticks(now))
        return Answer(202, b"", {"location": base + target, **retry_after(self._scenario.speed)})

    def _poll_server(self, call: Call, operation: Operation, now: float) -> Answer:
        signed_at = call.query.get("t", "")
        ticks = int(signed_at) if signed_at.isdecimal() else 0
        if call.target != self._operations.arc_target(operation, ticks):
            return arm_error(403, "InvalidSignature", "The signature of the operation URL is not valid.")
        refusal = self._refusal_of_poll(operation, now)
        if refusal is not None:
            return refusal
        if operation.state(now) is State.IN_PROGRESS:
            return self._followed(call.base, operation, now)
        return self._monitor(operation, now)

    def _refusal_of_gone(self, machine: Machine, now: float) -> Answer | None:
        if not self.is_gone(machine, now):
            return None
        return (
            server_not_found(machine) if machine.is_arc else not_found(machine.name, machine.resource_group)
        )

    def _refusal_of_second(self, machine: Machine, now: float) -> Answer | None:
        """The error of a start beside one that runs, where the scenario has it refused."""
        running = self._operations.newest(machine)
        if self._second == "supersedes" or running is None or running.state(now) is not State.IN_PROGRESS:
            return None
        return already_assessing(machine.name, says_so=self._second == "refused")

    def _refusal_of_poll(self, operation: Operation, now: float) -> Answer | None:
        """The error that a machine's trouble makes of reading its operation."""
        lost_at = operation.started_at + self._lost_after_s
        match operation.machine.lot.trouble:
            case Trouble.POLL_DENIED:
                scope = f"/subscriptions/{operation.machine.subscription.subscription_id}"
                is_arc = operation.machine.is_arc
                return denied(READ_RESULT if is_arc else "Microsoft.Compute/locations/operations/read", scope)
            case Trouble.OPERATION_LOST if now >= lost_at:
                return operation_not_found(operation.guid)
            case Trouble.VANISHING if self.is_gone(operation.machine, now):
                return operation_not_found(operation.guid)
            case _:
                return None

    def summary(self, machine: Machine, now: float) -> dict[str, Json] | None:
        """`patchStatus.availablePatchSummary` of the instance view; None before the first assessment."""
        operation = self._operations.newest(machine)
        if operation is None:
            return self._stuck_summary(machine) or self._earlier_summary(machine)
        summary: dict[str, Json] = {
            "assessmentActivityId": operation.guid,
            "startTime": self.began(operation),
        }
        match operation.state(now):
            case State.IN_PROGRESS:
                return summary | {"status": "InProgress"}
            case State.SUCCEEDED:
                summary |= {"lastModifiedTime": self._ended(operation)}
                return summary | self._found(machine)
            case _:
                return summary | {"status": "Failed", "lastModifiedTime": self._ended(operation)}

    def _stuck_summary(self, machine: Machine) -> dict[str, Json] | None:
        stuck = machine.lot.stuck
        if stuck is None or stuck.is_installation:
            return None
        began = self._calendar.iso(stuck.began_at, machine.lot.utc_offset_h)
        return {"assessmentActivityId": stuck.guid, "startTime": began, "status": "InProgress"}

    def _earlier_summary(self, machine: Machine) -> dict[str, Json] | None:
        if (earlier := self.earlier(machine)) is None:
            return None
        began, modified = self.earlier_times(machine, earlier)
        found: dict[str, Json] = {"status": "Failed"} if earlier.has_failed else self._found(machine)
        times = {"startTime": began, "lastModifiedTime": modified}
        return {"assessmentActivityId": earlier.guid, **times, **found}

    def earlier(self, machine: Machine) -> Earlier | None:
        """The assessment of a machine before the cloud began, where it had one in that week."""
        return earlier_of(self._scenario, machine.key, machine.lot)

    def earlier_times(self, machine: Machine, earlier: Earlier) -> tuple[str, str]:
        """When it began and when it was last modified, as the clock tells that timed it."""
        lot, began_at, span_s = machine.lot, earlier.began_at, earlier.span_s
        at = [began_at, began_at + span_s]
        if lot.wrong_clock is not None:
            at = [told_at(lot.wrong_clock, began_at, share, span_s, self._calendar) for share in (0.0, 1.0)]
        began, modified = (self._calendar.iso(moment, lot.utc_offset_h) for moment in at)
        return began, modified

    def _found(self, machine: Machine) -> dict[str, Json]:
        found = self._assessor.findings(machine)
        told: dict[str, Json] = {
            "status": inner_status(machine.fate),
            "rebootPending": found.is_reboot_pending,
            "error": inner_error(machine),
        }
        if machine.fate is Fate.NO_COUNTS:
            return told
        return told | {
            "criticalAndSecurityPatchCount": found.pressing_count,
            "otherPatchCount": found.other_count,
        }

    def _status(self, operation: Operation, now: float) -> Answer:
        state = operation.state(now)
        began = self.moment(operation, 0.0)
        body = f'{{\r\n  "startTime": "{began}",\r\n'
        if state is not State.IN_PROGRESS:
            body += f'  "endTime": "{self._ended(operation)}",\r\n'
        body += f'  "status": "{state.value}",\r\n'
        match state:
            case State.SUCCEEDED:
                output = self._render(operation).decode()
                body += f'  "properties": {{\r\n    "output": {output}\r\n  }},\r\n'
            case State.FAILED | State.CANCELED:
                code, message = _error_of(operation, state)
                body += f'  "error": {{\r\n    "code": "{code}",\r\n    "message": "{message}"\r\n  }},\r\n'
        return Answer(200, f'{body}  "name": "{operation.guid}"\r\n}}'.encode())

    def _monitor(self, operation: Operation, now: float) -> Answer:
        match operation.state(now):
            case State.IN_PROGRESS:
                return Answer(202)
            case State.SUCCEEDED:
                return Answer(200, self._render(operation))
            case state:
                code, message = _error_of(operation, state)
                return Answer(409, indented({"error": {"code": code, "message": message}}))

    def _render(self, operation: Operation) -> bytes:
        machine = operation.machine
        if machine.is_arc:
            times = self.began(operation), self._ended(operation)
            return server_result(machine, operation.guid, times, self.findings(machine))
        return self._assessor.render(
            machine,
            operation.guid,
            self.began(operation),
            self.moment(operation, GUEST_LOOKED_AT),
        )

    def moment(self, operation: Operation, share: float) -> str:
        """When such a share of it was over, as the clock tells that times it."""
        lot = operation.machine.lot
        at = operation.started_at + share * operation.span_s
        if lot.wrong_clock is not None:
            at = told_at(lot.wrong_clock, operation.started_at, share, operation.span_s, self._calendar)
        return self._calendar.iso(at, lot.utc_offset_h)

    def _ended(self, operation: Operation) -> str:
        return self.moment(operation, 1.0)

    def _result_of(self, vm_id: str) -> dict[str, Json] | None:
        operation = self._operations.newest(self._fleet.machine(vm_id))
        if operation is None or operation.state(operation.ends_at) is not State.SUCCEEDED:
            return None
        return cast("dict[str, Json]", orjson.loads(self._render(operation)))


def _error_of(operation: Operation, state: State) -> tuple[str, str]:
    """Code and message of an operation that ended badly."""
    if state is State.FAILED:
        return _FAILED
    return _PREEMPTED if operation.is_preempted else _CANCELED
