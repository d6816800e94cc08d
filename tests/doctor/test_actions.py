"""Which actions permissions permit, by the rules and examples of Azure's documents."""

from __future__ import annotations

import time

import pytest

from fleetscan.doctor.actions import ARC, COMPUTE, Duty, PermissionSet, matches, permits

START = "Microsoft.Compute/virtualMachines/assessPatches/action"
READER = PermissionSet(("*/read",))


@pytest.mark.parametrize(
    ("pattern", "is_match"),
    [
        ("*", True),
        (START, True),
        (START.upper(), True),
        ("microsoft.compute/*", True),
        ("Microsoft.Compute/virtualMachines/*", True),
        ("Microsoft.Compute/*/action", True),
        ("*/action", True),
        ("*/assessPatches/*", True),
        ("Microsoft.Compute/*/assessPatches/*", True),
        ("**", True),
        ("Microsoft.Compute/virtualMachines/assessPatches/action*", True),
        ("", False),
        ("*/read", False),
        ("Microsoft.Compute", False),
        ("Microsoft.Compute/virtualMachines", False),
        ("Microsoft.Compute/virtualMachines/assessPatches/action/*", False),
        ("Microsoft.Network/*", False),
        ("*/assessPatches/*/action", False),
        ("*action*action", False),
        ("Microsoft.Compute/virtualMachines/assessPatche?/action", False),
        ("Microsoft.Compute.virtualMachines/assessPatches/action", False),
    ],
)
def test_a_star_stands_for_any_characters_and_case_does_not_count(pattern: str, is_match: bool) -> None:
    assert matches(pattern, START) is is_match


def test_reader_lists_and_polls_and_starts_nothing() -> None:
    assert {duty: permits([READER], action) for duty, action in COMPUTE.items()} == {
        Duty.LIST: True,
        Duty.START: False,
        Duty.POLL: True,
    }
    assert [permits([READER], action) for action in ARC.values()] == [True, False, True]


def test_not_actions_take_from_their_own_set_and_forbid_nothing() -> None:
    without = PermissionSet(("*",), ("microsoft.compute/virtualmachines/*/ACTION",))
    assert permits([without], START) is False
    assert permits([without, PermissionSet((START,))], START) is True
    assert permits([PermissionSet((START,)), without], START) is True
    assert permits([without, READER], START) is False


def test_no_set_permits_nothing() -> None:
    assert permits([], START) is False
    assert permits([PermissionSet(())], START) is False


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    began = time.process_time()
    assert matches("*a" * 20_000 + "*b", "a" * 20_000 + "/c") is False
    assert matches("*" * 100_000, START) is True
    assert time.process_time() - began < 1.0
