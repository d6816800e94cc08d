"""A record that was read is held against its declaration: every key, and what it holds."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from fleetscan.model import Json
from fleetscan.records import machine_row
from fleetscan.records.checked import check_of
from fleetscan.records.row import Row
from fleetscan.records.totals import Totals
from tests.records.examples import CLOCK, SCAN_ID, assessed, drawn, machine
from tests.report.test_terminal_summary import FLEET


def is_record(value: Json, record: type, *, may_grow: bool = False) -> bool:
    """Whether the check takes `value`, and as it is."""
    try:
        checked = check_of(record, may_grow=may_grow)(value)
    except ValueError:
        return False
    assert checked == value
    return True


def changed(value: Any, path: str, new: Any) -> Json:
    """A copy of `value` with `new` at `path`; without what is there where `new` is `...`."""
    copy = json.loads(json.dumps(value))
    *parents, last = path.split(".")
    inner = copy
    for name in parents:
        inner = inner[name]
    if new is ...:
        del inner[last]
    else:
        inner[last] = new
    parsed: Json = copy
    return parsed


def test_every_row_that_can_be_made_is_a_row() -> None:
    chance = random.Random(9)
    for _ in range(300):
        row = machine_row.row(SCAN_ID, *drawn(chance), CLOCK)
        assert is_record(json.loads(machine_row.encode(row)), Row)


@pytest.mark.parametrize(
    ("path", "new"),
    [
        ("listed", ...),
        ("listed", None),
        ("listed", "300"),
        ("listed", True),
        ("listed", 1.5),
        ("coverage_pct", "all"),
        ("schema", "fleetscan.totals/2"),
        ("outcomes", []),
        ("outcomes.failed", ...),
        ("outcomes.failed", None),
        ("reasons", {"denied": "4"}),
        ("inventory_errors", {}),
        ("inventory_errors", [None]),
        ("inventory_errors", [{"code": "x"}]),
    ],
)
def test_what_lacks_a_key_or_holds_another_type_is_no_record(path: str, new: Any) -> None:
    assert not is_record(changed(FLEET, path, new), Totals)


@pytest.mark.parametrize(
    ("path", "new"),
    [("listed", 0), ("coverage_pct", None), ("coverage_pct", 90), ("later", {"new": 1}), ("outcomes.new", 1)],
)
def test_what_later_versions_add_does_no_harm(path: str, new: Any) -> None:
    assert is_record(changed(FLEET, path, new), Totals)


@pytest.mark.parametrize("value", [None, [], "text", 1, {}])
def test_what_is_no_object_with_its_keys_is_no_record(value: Json) -> None:
    assert not is_record(value, Totals)


def test_a_word_that_a_row_does_not_know_is_none_of_its_words() -> None:
    row = machine_row.row(SCAN_ID, machine(), assessed(), CLOCK)
    assert is_record(changed(row, "assessment", {"any": [1, {"thing": None}]}), Row)
    assert not is_record(changed(row, "outcome", "interrupted"), Row)


def test_a_word_of_a_later_version_passes_where_words_may_grow() -> None:
    row = machine_row.row(SCAN_ID, machine(), assessed(), CLOCK)
    assert is_record(changed(row, "outcome", "postponed"), Row, may_grow=True)
    assert not is_record(changed(row, "outcome", 7), Row, may_grow=True)
    assert not is_record(changed(row, "schema", "fleetscan.result/2"), Row, may_grow=True)
