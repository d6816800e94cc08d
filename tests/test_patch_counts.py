"""Counts of patches: classes compare without case, and what is not told is unknown, never 0."""

from __future__ import annotations

import pytest

from fleetscan.model import Json, Source
from fleetscan.patch_counts import told_counts


def counts_of(by_class: Json, os_type: str | None = None) -> tuple[int | None, int | None]:
    row: dict[str, Json] = {"availablePatchCountByClassification": by_class}
    return told_counts(row if os_type is None else row | {"osType": os_type}, Source.GRAPH)


@pytest.mark.parametrize("os_type", [None, "Windows", "Linux"])
def test_classes_compare_without_case(os_type: str | None) -> None:
    assert counts_of({"Critical": 2, "Security": 1, "Other": 3}, os_type) == (3, 3)
    assert counts_of({"CRITICAL": 2, "seCurity": 1, "UpdateRollup": 3, "other": 4}, os_type) == (3, 7)


@pytest.mark.parametrize(
    ("by_class", "counts"),
    [
        ({"critical": 2, "security": 1}, (3, None)),
        ({"critical": 2, "other": 3}, (None, 3)),
        ({"security": 1, "other": 3}, (None, 3)),
        ({"critical": None, "security": 1, "updates": 3}, (None, 3)),
        ({"critical": 0, "security": 0, "updates": 0, "tools": None}, (0, None)),
        ({"critical": 0, "security": True, "updates": "3"}, (None, None)),
        ({"critical": 0, "security": -1, "updates": 2**31}, (None, None)),
        ({}, (None, None)),
        (None, (None, None)),
        ([], (None, None)),
    ],
)
@pytest.mark.parametrize("os_type", [None, "Windows"])
def test_a_class_that_is_not_told_is_unknown(
    by_class: Json, counts: tuple[int | None, int | None], os_type: str | None
) -> None:
    assert counts_of(by_class, os_type) == counts


def test_a_class_told_twice_counts_once_and_is_unknown_where_the_two_differ() -> None:
    assert counts_of({"critical": 2, "Critical": 2, "security": 1, "other": 3, "Other": 4}) == (3, None)
    assert counts_of({"critical": None, "Critical": 2, "security": 1, "other": 3}) == (None, 3)


@pytest.mark.parametrize(
    ("by_class", "counts"),
    [
        ({"security": 1, "other": 3}, (1, 3)),
        ({"Security": 0, "Other": 0, "critical": None, "updates": None}, (0, 0)),
        ({"security": 1, "other": 3, "critical": 2, "updates": 4}, (3, 7)),
        ({"security": 1}, (1, None)),
        ({"security": 1, "other": None}, (1, None)),
        ({"security": 1, "updates": 4}, (1, None)),
        ({"other": 3}, (None, 3)),
        ({"critical": 2, "security": None, "other": 3}, (None, 3)),
        ({"critical": "2", "security": 1, "other": 3, "tools": -1}, (None, None)),
        ({}, (None, None)),
    ],
)
@pytest.mark.parametrize("os_type", ["Linux", "linux"])
def test_on_linux_there_is_no_critical_class_to_be_unknown(
    by_class: Json, counts: tuple[int | None, int | None], os_type: str
) -> None:
    assert counts_of(by_class, os_type) == counts


def test_an_operations_result_has_plain_counts() -> None:
    result: dict[str, Json] = {"criticalAndSecurityPatchCount": 2, "otherPatchCount": None}
    assert told_counts(result, Source.OPERATION) == (2, None)
    assert told_counts({**result, "criticalAndSecurityPatchCount": True}, Source.OPERATION) == (None, None)
