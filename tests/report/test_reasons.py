"""Every reason that a row can have is explained, and nothing else is."""

from __future__ import annotations

from fleetscan.records.row import REASONS
from fleetscan.report.reasons import MEANINGS, meaning_of


def test_every_reason_of_a_vm_that_was_not_assessed_has_a_meaning() -> None:
    words = {word for outcome in ("skipped", "timed_out", "failed") for word in REASONS[outcome]}
    assert set(MEANINGS) == words


def test_a_word_of_a_later_fleetscan_has_a_meaning_too() -> None:
    assert meaning_of("moved_to_mars").to_do == "read its row"


def test_what_to_do_is_to_mend_and_then_to_retry_as_far_as_there_is_either() -> None:
    assert meaning_of("unreachable").to_do == (
        "check the network and Azure's status page; then retry it with `fleetscan scan --retry-failed RUN`"
    )
    assert meaning_of("conflict").to_do == "retry it with `fleetscan scan --retry-failed RUN`"
    assert meaning_of("gone").to_do == "nothing, or take it out of the inventory file that names it"
