"""What each reason word means and what to do about it: one table for screens, pages and docs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from fleetscan.records.row import Row

RETRY = "retry it with `fleetscan scan --retry-failed RUN`"
RETRY_SKIPPED = "retry it with `fleetscan scan --retry-failed RUN --retry-skipped`"


class Meaning(NamedTuple):
    """`what` has happened, as a clause that follows a VM's name.

    What to `mend` is an imperative, empty where nothing is to be mended; `retry` is how the VM is assessed
    once more afterwards, None where that would not help.
    """

    what: str
    mend: str
    retry: str | None = RETRY

    @property
    def to_do(self) -> str:
        """What to do about it, the retry too, as an imperative."""
        if not self.mend:
            return self.retry or ""
        return self.mend if self.retry is None else f"{self.mend}; then {self.retry}"


MEANINGS: Mapping[str, Meaning] = {
    "not_running": Meaning(
        "is not running, and Azure assesses running VMs only",
        "start it if it should be assessed",
        RETRY_SKIPPED,
    ),
    "unsupported": Meaning(
        "has an operating system or image that Azure does not assess",
        "assess it by other means; the message has Azure's reason",
        None,
    ),
    "busy": Meaning(
        "had a patch operation running, which an assessment could cancel",
        "wait until that has ended",
        RETRY_SKIPPED,
    ),
    "not_cached": Meaning(
        "has no earlier assessment that is young enough",
        "assess it with a scan without --cached-only",
        RETRY_SKIPPED,
    ),
    "operation_timeout": Meaning(
        "did not finish within --operation-timeout",
        "if it happens again, check the VM agent or raise --operation-timeout",
    ),
    "denied": Meaning(
        "may not be assessed by this identity, or a policy forbids it",
        "grant it Microsoft.Compute/virtualMachines/assessPatches/action and, on the subscription, "
        "Microsoft.Compute/locations/operations/read; where the message names a policy, change that",
    ),
    "gone": Meaning(
        "was deleted after it was listed", "nothing, or take it out of the inventory file that names it", None
    ),
    "conflict": Meaning("was held by another operation for too long", ""),
    "agent_not_ready": Meaning(
        "has a VM agent that did not respond",
        "check that the Azure VM agent runs in it and is up to date",
    ),
    "refused": Meaning(
        "was refused by Azure",
        "remove what the message names (a lock, a policy, a setting)",
    ),
    "throttled": Meaning(
        "was held back by Azure's rate limits until fleetscan gave up",
        "wait until fewer other tools use the subscription",
    ),
    "unreachable": Meaning(
        "could not be asked about: Azure did not answer for its region",
        "check the network and Azure's status page",
    ),
    "malformed_reply": Meaning(
        "got a reply from Azure that could not be read",
        "if it happens again, give Azure's support the correlation id in its row",
    ),
    "no_result": Meaning("finished without telling counts of patches", ""),
    "assessment_failed": Meaning(
        "was assessed, and the assessment failed inside it",
        "check Windows Update or the package manager in it, as the message says",
    ),
    "operation_failed": Meaning("had its assessment fail in Azure", "read the message"),
    "operation_canceled": Meaning(
        "had its assessment cancelled, mostly by a newer one or by a patch installation", ""
    ),
    "internal_error": Meaning(
        "met a bug in fleetscan",
        "report it, with the lines on stderr of that scan",
        None,
    ),
}
UNKNOWN = Meaning("ended for a reason that this fleetscan does not know", "read its row", None)


def meaning_of(reason: str | None) -> Meaning:
    """What `reason` means; a word of a later fleetscan has a meaning too."""
    return MEANINGS.get(reason or "", UNKNOWN)


def how_bad(row: Row) -> tuple[int, int, int]:
    """How much an assessed VM needs mending, the larger the worse.

    Missing critical and security patches count first, then a pending restart, then other patches.
    """
    pending = row["reboot_pending"] is True
    return row["critical_and_security_count"] or 0, int(pending), row["other_count"] or 0
