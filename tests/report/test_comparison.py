"""What changed between two runs: by hand, and thousands of pairs against a plain re-computation."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema_rs import Draft202012Validator

from fleetscan.model import Json, Reason
from fleetscan.records.diff import Diff
from fleetscan.records.row import Row
from fleetscan.records.schema import diff_schema
from fleetscan.records.totals import NotListed
from fleetscan.report.changes import markdown_of, text_of
from fleetscan.report.comparison import diff_of
from fleetscan.runs.reader import open_run
from tests.hostile import HOSTILE
from tests.report.small_runs import edit_facts, kb, package, small_run, unassessed, vm

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
ELSEWHERE = "99999999-2222-3333-4444-555555555555"
VALIDATOR = Draft202012Validator(diff_schema())


def kept(
    path: Path, rows: Sequence[Row], subscriptions: Sequence[str] = (SUBSCRIPTION,), **facts: Json
) -> Path:
    """A complete run that listed these subscriptions."""
    small_run(path, rows, 0)
    listed: list[Json] = [
        {"subscription_id": each.upper(), "name": None, "state": "Enabled", "tenant_id": None}
        for each in subscriptions
    ]
    edit_facts(
        path,
        scope={"subscriptions": listed, "not_enabled": [], "uniform_scale_set_vms": None, "shard": None},
        **facts,
    )
    return path


def compared(tmp_path: Path, old: Sequence[Row], new: Sequence[Row], **facts: Any) -> Diff:
    """The diff of two runs with these rows."""
    before, after = kept(tmp_path / "old", old), kept(tmp_path / "new", new, **facts)
    found = diff_of(open_run(before), open_run(after))
    VALIDATOR.validate(orjson.loads(orjson.dumps(found)))
    return found


def names(found: Any) -> list[str]:
    return [vm["name"] for vm in found["vms"]]


def whole(name: str, *patches: Json, **more: Any) -> Row:
    """An assessed VM with a list that has all it misses, each of security."""
    return vm(name, len(patches), 0, patches, **more)


def test_patches_are_newly_missing_or_installed_where_both_lists_are_whole(tmp_path: Path) -> None:
    old = [whole("a", kb(1), kb(2)), whole("b", kb(2)), whole("c", kb(1))]
    new = [whole("a", kb(2), kb(3)), whole("b", kb(3)), vm("c", 5, 0, [kb(3)])]
    found = compared(tmp_path, old, new)
    assert (found["compared"], found["newly_missing"], found["installed"]) == (3, 3, 2)
    # Of c the new list has one of five: what it does not have may be missing all the same.
    assert found["lists_not_compared"] == 1
    changed = {each["patch"]: (each["newly_missing"], each["installed"]) for each in found["patches"]}
    assert changed == {"KB3": (3, 0), "KB1": (0, 1), "KB2": (0, 1)}
    assert (found["old"]["critical_and_security_count"], found["new"]["critical_and_security_count"]) == (
        4,
        8,
    )


def test_a_definition_update_of_another_name_is_the_same_patch(tmp_path: Path) -> None:
    old = [whole("a", kb(2267602, title="Version 1.383.410.0"))]
    new = [whole("a", kb(2267602, title="Version 1.383.411.0"))]
    found = compared(tmp_path, old, new)
    assert (found["newly_missing"], found["installed"], found["patches"]) == (0, 0, [])


def test_a_vm_that_is_not_assessed_in_one_of_them_is_not_comparable(tmp_path: Path) -> None:
    old = [whole("a", kb(1)), whole("b", kb(1)), unassessed("c"), unassessed("d", Reason.NOT_RUNNING)]
    new = [unassessed("a"), unassessed("b", Reason.NOT_RUNNING), whole("c"), unassessed("d")]
    found = compared(tmp_path, old, new)
    assert (found["compared"], found["not_comparable"], found["installed"]) == (0, 4, 0)
    assert names(found["newly_failing"]) == ["a", "d"]
    assert names(found["newly_unseen"]) == ["b"]
    assert names(found["seen_again"]) == ["c"]


def test_a_vm_is_new_or_gone_where_its_subscription_was_listed(tmp_path: Path) -> None:
    found = compared(tmp_path, [whole("a"), whole("b")], [whole("B"), whole("c")])
    assert (names(found["gone"]), names(found["appeared"])) == (["a"], ["c"])
    assert (found["only_old"], found["only_new"], found["compared"]) == (0, 0, 1)


@pytest.mark.parametrize(
    "facts",
    [
        {"subscriptions": (ELSEWHERE,)},
        {"selection": {"limit": 5}},
        {"selection": {"inventory": "vms.txt"}},
        {"selection": {"retry_failed": "latest"}},
        {"exit_code": 5},
    ],
)
def test_what_the_new_run_did_not_look_at_is_not_gone(tmp_path: Path, facts: dict[str, Any]) -> None:
    found = compared(tmp_path, [whole("a"), whole("b")], [whole("b")], **facts)
    assert (found["gone"]["count"], found["only_old"]) == (0, 1)


def test_a_subscription_that_could_not_be_listed_has_no_vm_that_is_gone(tmp_path: Path) -> None:
    error: NotListed = {"subscription_id": SUBSCRIPTION, "code": "x", "message": "y", "http_status": 403}
    old, new = kept(tmp_path / "old", [whole("a")]), kept(tmp_path / "new", [whole("b")])
    lines = (new / "totals.jsonl").read_bytes().splitlines()
    fleet = orjson.loads(lines[0]) | {"inventory_errors": [error]}
    (new / "totals.jsonl").write_bytes(b"\n".join([orjson.dumps(fleet), *lines[1:]]) + b"\n")
    found = diff_of(open_run(old), open_run(new))
    assert (found["gone"]["count"], found["only_old"], names(found["appeared"])) == (0, 1, ["b"])


def test_restarts_change_where_both_runs_know(tmp_path: Path) -> None:
    old = [vm("a", rebootPending=True), vm("b", rebootPending=False), vm("c", rebootPending=None)]
    new = [vm("a", rebootPending=False), vm("b", rebootPending=True), vm("c", rebootPending=True)]
    found = compared(tmp_path, old, new)
    assert (names(found["reboots_cleared"]), names(found["reboots_due"])) == (["a"], ["b"])


def test_other_selections_are_said_and_hostile_names_stay_in_their_cells(tmp_path: Path) -> None:
    new = [unassessed(text[:80]) for text in HOSTILE.values() if text]
    old = [whole(text[:80]) for text in HOSTILE.values() if text]
    found = compared(tmp_path, old, new, selection={"subscription": ["a|b`<script>"]})
    assert not found["is_same_selection"]
    for line in text_of(found, 80):
        assert line.isprintable() or line == ""
    for line in markdown_of(found).splitlines():
        assert "<script" not in line.replace("`", "") or "`" in line
    assert "the whole fleet; now subscription" in "\n".join(text_of(found, 80))


def test_the_words_have_the_figures(tmp_path: Path) -> None:
    old = [whole("a", kb(1)), whole("b", kb(1)), whole("z")]
    new = [whole("a", kb(3)), unassessed("b"), whole("y")]
    lines = list(text_of(compared(tmp_path, old, new), 80))
    assert lines[0] == "Changes from 2026-01-01 00:00 UTC to 2026-01-01 00:00 UTC: 1 VM compared"
    assert "Missing         critical and security 1 -> 1 (+0), on VMs 1 -> 1 (+0); other 0 -> 0 (+0)" in lines
    assert "Patches         1 newly missing, 1 installed" in lines
    assert "VMs             1 new, 1 gone, 1 newly failing, 0 newly unseen, 0 seen again" in lines
    assert "Not compared    1 VM was not assessed in one of the runs" in lines
    assert "  b  RG  11111111-2222-3333-4444-555555555555  denied" in lines
    assert "  +1  -0  KB3  Update (KB3)" in lines


def random_rows(chance: random.Random) -> list[Row]:
    """Some of a few VMs, each with some of a few patches, or not assessed."""
    rows: list[Row] = []
    for name in chance.sample("abcdefgh", chance.randrange(9)):
        if chance.random() < 0.25:
            rows.append(unassessed(name, chance.choice([Reason.DENIED, Reason.NOT_RUNNING, Reason.GONE])))
            continue
        os_type = chance.choice(["Windows", "Linux"])
        patches = [
            kb(number) if os_type == "Windows" else package(f"p{number}")
            for number in chance.sample(range(1, 7), chance.randrange(5))
        ]
        counted = len(patches) + (2 if chance.random() < 0.2 else 0)
        rows.append(vm(name, counted, 0, patches, os_type=os_type))
    return rows


def keys_of(row: Row) -> set[str]:
    """The patches of a row, read again in the plainest way."""
    assessment: Any = row["assessment"]
    listed = assessment["availablePatches"]
    return {
        f"KB{each['kbId']}" if "kbId" in each and row["os_type"] != "Linux" else each["name"]
        for each in listed
    }


def test_random_runs_differ_as_a_plain_recomputation_says(tmp_path: Path) -> None:
    chance = random.Random(14)
    for _ in range(300):
        old, new = random_rows(chance), random_rows(chance)
        found = compared(tmp_path, old, new)
        was, is_ = ({row["name"]: row for row in rows} for rows in (old, new))
        both = [name for name in was if name in is_]
        pairs = [(was[name], is_[name]) for name in both]
        assessed = [pair for pair in pairs if pair[0]["outcome"] == pair[1]["outcome"] == "assessed"]
        missing = Counter(
            key for a, b in assessed if a["patches_complete"] is True for key in keys_of(b) - keys_of(a)
        )
        installed = Counter(
            key for a, b in assessed if b["patches_complete"] is True for key in keys_of(a) - keys_of(b)
        )
        assert found["compared"] == len(assessed)
        assert found["not_comparable"] == len(pairs) - len(assessed)
        assert sorted(names(found["gone"])) == sorted(was.keys() - is_.keys())
        assert sorted(names(found["appeared"])) == sorted(is_.keys() - was.keys())
        told = {each["patch"]: (each["newly_missing"], each["installed"]) for each in found["patches"]}
        assert told == {key: (missing[key], installed[key]) for key in missing.keys() | installed.keys()}
        assert (found["newly_missing"], found["installed"]) == (missing.total(), installed.total())
