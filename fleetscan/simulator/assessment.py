"""RESULT: what an assessment found on a machine, as the compact JSON inside Azure's replies.

Drawn from the machine's own seed; only the activity id and the times belong to the operation.
The counts tell the truth, the list may be cut short.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import orjson

from fleetscan.model import Json
from fleetscan.simulator.catalogue import Patch, catalogue, harmless
from fleetscan.simulator.chances import chances
from fleetscan.simulator.fates import Fate
from fleetscan.simulator.fleet import Machine

UP_TO_DATE_SHARE = 0.12
NOTHING_PRESSING_SHARE = 0.15
REBOOT_SHARE = 0.15
TRUNCATED_LEAST = 8

_IN_GUEST_FAILURES = {
    Fate.PACKAGE_MANAGER_FAILURE: (
        "PACKAGE_MANAGER_FAILURE",
        "Unexpected return code (100) from package manager on command: sudo apt-get -q update",
    ),
    Fate.ESM_REQUIRED: (
        "UA_ESM_REQUIRED",
        "22 patches require Ubuntu Pro with ESM, which is not enabled on this machine.",
    ),
    Fate.PATCH_INTERNAL_ERROR: (
        "VMGuestPatchInternalError",
        "An internal error occurred while assessing patches. Please retry later.",
    ),
}

_WARNING_WINDOWS = ("0x8024401C", "The search for updates timed out at one of the update sources.")
_WARNING_LINUX = ("PACKAGE_MANAGER_FAILURE", "One of 4 repositories could not be refreshed.")
_TRUNCATION = (
    "PACKAGE_LIST_TRUNCATED",
    "Package lists were truncated to limit reporting data volume. In-VM logs contain complete lists.",
)


@dataclass(frozen=True, slots=True)
class Findings:
    """Patches missing on a machine: `missing` are all, `listed` those in the list; the counts are of all."""

    missing: tuple[Patch, ...]
    listed: tuple[Patch, ...]
    pressing_count: int
    other_count: int
    is_reboot_pending: bool


class Assessor:
    """Finds what is missing on the machines of one seed; `mean_patches` is the length of an ordinary list."""

    def __init__(self, seed: int, mean_patches: int) -> None:
        self._seed = seed
        self._mean_patches = mean_patches

    def findings(self, machine: Machine) -> Findings:
        """The same machine always lacks the same patches."""
        draws = chances(f"{self._seed}:{machine.key}:patches")
        is_reboot_pending = draws[0] < REBOOT_SHARE
        if machine.fate in _IN_GUEST_FAILURES:
            return Findings((), (), 0, 0, is_reboot_pending)
        missing = self._missing(draws, machine)
        pressing = sum([patch.is_pressing for patch in missing])
        told = len(missing) // 2 if machine.fate is Fate.TRUNCATED else len(missing)
        return Findings(missing, missing[:told], pressing, len(missing) - pressing, is_reboot_pending)

    def _missing(self, draws: tuple[float, ...], machine: Machine) -> tuple[Patch, ...]:
        _, up_to_date, calm, place, *rest = draws
        # A gamma of shape 3 spreads lists believably; the divisor keeps the mean beside the empty ones.
        gamma = -log(rest[0] * rest[1] * rest[2]) / 3
        length = round(gamma * self._mean_patches / (1 - UP_TO_DATE_SHARE))
        choice = catalogue(machine.image.distro)
        if machine.fate is Fate.TRUNCATED:
            length = max(length, TRUNCATED_LEAST)
        elif up_to_date < UP_TO_DATE_SHARE:
            return ()
        elif calm < NOTHING_PRESSING_SHARE:
            choice = harmless(machine.image.distro)
        # A stretch of the shuffled catalogue, which goes round: to draw one by one costs ten times as much.
        first, length = int(place * len(choice)), min(length, len(choice))
        return choice[first : first + length] + choice[: max(0, first + length - len(choice))]

    def render(self, machine: Machine, activity_id: str, started: str, looked: str) -> bytes:
        """RESULT of the operation `activity_id`, which began at `started` and saw the patches at `looked`."""
        findings = self.findings(machine)
        # By hand: a list of twenty costs a tenth of what building and dumping its dictionaries would.
        tail = (
            f',"activityId":"{activity_id}","lastModifiedDateTime":"{looked}","assessmentState":"Available"}}'
        )
        patches = ",".join([patch.head + tail for patch in findings.listed])
        counts = (
            f'"criticalAndSecurityPatchCount":{findings.pressing_count},'
            f'"otherPatchCount":{findings.other_count},'
        )
        if machine.fate is Fate.NO_COUNTS:
            counts, patches = "", ""
        return (
            f'{{"status":"{inner_status(machine.fate)}","assessmentActivityId":"{activity_id}",'
            f'"rebootPending":{"true" if findings.is_reboot_pending else "false"},{counts}'
            f'"startDateTime":"{started}","availablePatches":[{patches}],'
            f'"error":{orjson.dumps(inner_error(machine)).decode()}}}'
        ).encode()


def inner_status(fate: Fate) -> str:
    """The assessment's own word, which is not the operation's."""
    if fate in _IN_GUEST_FAILURES:
        return "Failed"
    return "CompletedWithWarnings" if fate in (Fate.WARNED, Fate.TRUNCATED) else "Succeeded"


def inner_error(machine: Machine) -> dict[str, Json]:
    """`error` of a RESULT: there on success too, with code "Success" on Windows and "0" on Linux."""
    is_windows = machine.image.is_windows
    match machine.fate:
        case Fate.WARNED:
            problem = _WARNING_WINDOWS if is_windows else _WARNING_LINUX
        case Fate.TRUNCATED:
            problem = _TRUNCATION
        case fate if fate in _IN_GUEST_FAILURES:
            problem = _IN_GUEST_FAILURES[fate]
        case _:
            code = "Success" if is_windows else "0"
            return {"details": [], "code": code, "message": "0 error/s reported"}
    code, message = problem
    return {
        "details": [{"code": code, "message": message}],
        "code": "1",
        "message": f"1 error/s reported. The latest 1 error/s are shared in detail: {message}",
    }
