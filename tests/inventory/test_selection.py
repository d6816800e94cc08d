"""Which machines the fleet has, and which are known not to answer."""

from __future__ import annotations

import pytest

from fleetscan.inventory import selection
from fleetscan.inventory.machines import power_state_of
from fleetscan.inventory.selection import Known, each_once, first, is_skipped, of_subscriptions
from fleetscan.model import Target
from tests.inventory.listing_driver import A, B, vm_id


def machine(name: str, subscription: str = A, power_state: str | None = None) -> Target:
    return Target(vm_id(name, subscription), subscription, "rg", name, power_state=power_state)


@pytest.mark.parametrize("state", ["stopped", "deallocated", "stopping", "deallocating", "hibernated"])
def test_a_machine_known_not_to_run_is_skipped(state: str) -> None:
    assert is_skipped(machine("vm", power_state=state))


@pytest.mark.parametrize("state", ["running", "starting", "unknown", "wird ausgeführt", "paused", None])
def test_a_machine_that_may_answer_is_tried(state: str | None) -> None:
    assert not is_skipped(machine("vm", power_state=state))


@pytest.mark.parametrize(
    ("written", "word", "skipped"),
    [
        ("PowerState/running", "running", False),
        ("VM running", "running", False),
        ("Running", "running", False),
        ("VM wird ausgeführt", "wird ausgeführt", False),
        ("PowerState/", None, False),
        (" VM ", None, False),
        (None, None, False),
        ("PowerState/deallocated", "deallocated", True),
        ("powerstate/STOPPED", "stopped", True),
        ("vm deallocated", "deallocated", True),
        ("VM  Deallocating", "deallocating", True),
        ("Stopped (deallocated)", "deallocated", True),
        ("VM stopped", "stopped", True),
    ],
)
def test_a_power_state_is_one_word_however_a_tool_writes_it(
    written: str | None, word: str | None, skipped: bool
) -> None:
    assert power_state_of(written) == word
    assert is_skipped(machine("vm", power_state=power_state_of(written))) is skipped


def test_ids_are_unique_without_regard_to_case_and_the_first_stays() -> None:
    assert each_once([machine("b"), machine("a"), machine("B", power_state="running")]) == [
        machine("b"),
        machine("a"),
    ]


def test_named_subscriptions_compare_without_case_and_none_means_all() -> None:
    both = [machine("a"), machine("b", B)]
    assert of_subscriptions(both, [B.upper()]) == [machine("b", B)]
    assert of_subscriptions(both, None) == both
    assert of_subscriptions(both, []) == []


def test_a_limit_takes_the_first_by_lower_cased_id_whatever_the_order() -> None:
    assert first([machine("C"), machine("b"), machine("A")], 2) == [machine("A"), machine("b")]
    assert first([machine("b")], 5) == [machine("b")]


def test_without_a_limit_everything_stays_as_it_is() -> None:
    assert first([machine("b"), machine("a")], None) == [machine("b"), machine("a")]


def test_machines_whose_ids_have_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "hash", lambda key: 1, raising=False)
    known = Known([machine("a")])
    assert each_once(map(machine, "bcbacd"), known) == [machine("b"), machine("c"), machine("d")]
    assert each_once(map(machine, "abcde"), known) == [machine("e")]
