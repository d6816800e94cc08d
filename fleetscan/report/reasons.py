"""What each reason word means and what to do about it: one table for screens, pages and docs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from fleetscan.records.row import Row


class Meaning(NamedTuple):
    """`what` has happened, as a clause that follows a VM's name; what `to_do` about it, as an imperative."""

    what: str
    to_do: str


RETRY = "retry it with `fleetscan scan --retry-failed RUN`"
RETRY_SKIPPED = "then `fleetscan scan --retry-failed RUN --retry-skipped`"

MEANINGS: Mapping[str, Meaning] = {
    "not_running": Meaning(
        "is not running, and Azure assesses running VMs only",
        f"start it if it should be assessed, {RETRY_SKIPPED}",
    ),
    "unsupported": Meaning(
        "has an operating system or image that Azure does not assess",
        "assess it by other means; the message has Azure's reason",
    ),
    "busy": Meaning(
        "had a patch operation running, which an assessment could cancel",
        f"wait until that has ended, {RETRY_SKIPPED}",
    ),
    "operation_timeout": Meaning(
        "did not finish within --operation-timeout",
        f"{RETRY}; if it happens again, check the VM agent or raise --operation-timeout",
    ),
    "denied": Meaning(
        "may not be assessed by this identity",
        "grant it Microsoft.Compute/virtualMachines/assessPatches/action and, on the subscription, "
        f"Microsoft.Compute/locations/operations/read; then {RETRY}",
    ),
    "gone": Meaning("was deleted after it was listed", "nothing: the next scan does not list it"),
    "conflict": Meaning("was held by another operation for too long", RETRY),
    "agent_not_ready": Meaning(
        "has a VM agent that did not respond",
        f"check that the Azure VM agent runs in it and is up to date; then {RETRY}",
    ),
    "refused": Meaning(
        "was refused by Azure",
        f"remove what the message names (a lock, a policy, a setting); then {RETRY}",
    ),
    "throttled": Meaning(
        "was held back by Azure's rate limits until fleetscan gave up",
        f"{RETRY} when fewer other tools use the subscription",
    ),
    "unreachable": Meaning(
        "could not be asked about: Azure did not answer for its region",
        f"check the network and Azure's status page; then {RETRY}",
    ),
    "malformed_reply": Meaning(
        "got a reply from Azure that could not be read",
        f"{RETRY}; if it happens again, give Azure's support the correlation id in its row",
    ),
    "no_result": Meaning("finished without telling counts of patches", RETRY),
    "assessment_failed": Meaning(
        "was assessed, and the assessment failed inside it",
        f"check Windows Update or the package manager in it, as the message says; then {RETRY}",
    ),
    "operation_failed": Meaning(
        "had its assessment fail in Azure",
        f"read the message; then {RETRY}",
    ),
    "operation_canceled": Meaning(
        "had its assessment cancelled, mostly by a newer one or by a patch installation",
        RETRY,
    ),
    "internal_error": Meaning(
        "met a bug in fleetscan",
        "report it, with the lines on stderr of that scan",
    ),
}
UNKNOWN = Meaning("ended for a reason that this fleetscan does not know", "read its row")


def meaning_of(reason: str | None) -> Meaning:
    """What `reason` means; a word of a later fleetscan has a meaning too."""
    return MEANINGS.get(reason or "", UNKNOWN)


def how_bad(row: Row) -> tuple[int, int, int]:
    """How much an assessed VM needs mending, the larger the worse.

    Missing critical and security patches count first, then a pending restart, then other patches.
    """
    pending = row["reboot_pending"] is True
    return row["critical_and_security_count"] or 0, int(pending), row["other_count"] or 0
