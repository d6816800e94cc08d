"""A fleet from a file, and the line that is wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscan.errors import CannotReadRunError, InventoryFileError, UsageError
from fleetscan.inventory.from_file import read_inventory, read_lines
from fleetscan.model import Json, Target
from tests.inventory.listing_driver import A, vm_id
from tests.records.examples import timed_row, write_run

BARE = Target(vm_id("vm-1"), A, "rg", "vm-1")


def line(**values: Json) -> bytes:
    return json.dumps(values).encode()


def test_ids_and_objects_may_be_mixed_among_comments_and_blank_lines() -> None:
    lines = [b"# mine\n", b"\n", vm_id("vm-1").encode() + b"\n", b"  \t\n", line(id=vm_id("vm-2")), b"#"]
    file = read_lines(lines, "fleet.txt")
    assert [target.name for target in file.targets] == ["vm-1", "vm-2"]
    assert file.targets[0] == BARE
    assert file.duplicates == 0


def test_a_byte_order_mark_and_carriage_returns_are_tolerated(tmp_path: Path) -> None:
    path = tmp_path / "fleet.txt"
    path.write_bytes(
        b"\xef\xbb\xbf" + vm_id("vm-1").encode() + b"\r\n\r\n" + line(id=vm_id("vm-2")) + b"\r\n"
    )
    assert [target.resource_id for target in read_inventory(str(path)).targets] == [
        vm_id("vm-1"),
        vm_id("vm-2"),
    ]


def test_a_row_of_results_is_a_machine_with_its_facts_but_for_its_power_state() -> None:
    row: dict[str, Json] = {
        "schema": "fleetscan.result/1",
        "resource_id": vm_id("vm-1"),
        "kind": "vm",
        "subscription_id": "ignored: the id says it",
        "subscription_name": "Production",
        "location": "West US",
        "os_type": "linux",
        "os_name": "ubuntu",
        "os_version": "22.04",
        "image": "p:o:s:latest",
        "patch_mode": "ImageDefault",
        "assessment_mode": None,
        "power_state": "running",
        "tags": {"owner": "ann"},
        "outcome": "assessed",
        "assessment": {"availablePatches": []},
    }
    [target] = read_lines([line(**row)], "results.jsonl").targets
    assert target == Target(
        vm_id("vm-1"),
        A,
        "rg",
        "vm-1",
        location="westus",
        subscription_name="Production",
        os_type="Linux",
        power_state=None,
        tags={"owner": "ann"},
        facts={
            "os_name": "ubuntu",
            "os_version": "22.04",
            "image": "p:o:s:latest",
            "patch_mode": "ImageDefault",
            "assessment_mode": None,
            "esu_status": None,
            "hotpatch_status": None,
        },
    )


@pytest.mark.parametrize(
    ("schema", "believed"),
    [
        ("fleetscan.result/1", None),
        ("fleetscan.result/2", None),
        ("fleetscan.inventory/1", "stopped"),
        ("mine", "stopped"),
        (None, "stopped"),
        (7, "stopped"),
    ],
)
def test_a_power_state_of_an_earlier_run_is_not_believed_and_any_other_is(
    schema: Json, believed: str | None
) -> None:
    row = line(schema=schema, resource_id=vm_id("vm-1"), power_state="stopped")
    assert [target.power_state for target in read_lines([row], "fleet").targets] == [believed]


def test_facts_that_are_null_empty_or_absent_are_unknown() -> None:
    [target] = read_lines([line(id=vm_id("vm-1"), location=None, os_type="", tags=None)], "fleet").targets
    assert target == BARE


def test_a_machine_named_twice_is_taken_once_and_counted() -> None:
    lines = [line(id=vm_id("vm-1"), location="westus"), vm_id("VM-1").encode(), vm_id("vm-2").encode()]
    file = read_lines(lines, "fleet")
    assert [target.location for target in file.targets] == ["westus", None]
    assert file.duplicates == 1


def test_standard_input_is_read_for_a_dash(tmp_path: Path) -> None:
    (tmp_path / "machines").write_text(vm_id("vm-1"))
    kept = os.dup(0)
    with open(tmp_path / "machines", "rb") as machines:
        os.dup2(machines.fileno(), 0)
    try:
        assert read_inventory("-").targets == [BARE]
    finally:
        os.dup2(kept, 0)
        os.close(kept)


NOT_AN_ID = (
    "not a virtual machine's resource id (/subscriptions/ID/resourceGroups/GROUP"
    "/providers/Microsoft.Compute/virtualMachines/NAME)"
)


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (b"vm-7", f"the line is {NOT_AN_ID}"),
        (line(id="vm-7"), f"'id' is {NOT_AN_ID}"),
        (line(resource_id="vm-7", id=vm_id("vm-1")), f"'resource_id' is {NOT_AN_ID}"),
        (line(name="vm-7"), "it has neither 'resource_id' nor 'id' with a resource id"),
        (line(id=7), "it has neither 'resource_id' nor 'id' with a resource id"),
        (b'{"id":', "it is neither a JSON object nor a resource id"),
        (b"[", "it begins a JSON array after other lines; jq -c '.[]' makes one line per VM of it"),
        (b"[1]", "it begins a JSON array after other lines; jq -c '.[]' makes one line per VM of it"),
        (b"{", "it begins JSON of several lines after other lines; jq -c . makes one line of it"),
        (b'"x"', f"the line is {NOT_AN_ID}"),
        (b"12", f"the line is {NOT_AN_ID}"),
        (line(id=vm_id("vm-1"), location=5), "'location' must be text or null"),
        (line(id=vm_id("vm-1"), tags=["owner"]), "'tags' must be an object of texts"),
        (line(id=vm_id("vm-1"), tags={"owner": 5}), "'tags' must be an object of texts"),
        (b"\xff\xfe", "it is not UTF-8"),
        (
            vm_id("vm-1").encode("utf-16-le"),
            "it has null bytes, as UTF-16 without a byte order mark has; save it as UTF-8",
        ),
    ],
)
def test_a_malformed_line_is_named_with_what_was_expected(bad: bytes, expected: str) -> None:
    with pytest.raises(InventoryFileError) as caught:
        read_lines([b"# first\n", vm_id("vm-1").encode(), bad], "fleet.txt")
    error = caught.value
    assert (error.path, error.line, error.why) == ("fleet.txt", 3, expected)
    assert str(error).startswith(f"fleet.txt, line 3: {expected}; got ")
    assert "\n" not in str(error)
    assert error.exit_code == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    lines = f"\ufeff# L\u00fcbeck\r\n{vm_id('vm-1')}\r\n{vm_id('vm-2')}\r\n"
    path = tmp_path / "vms.txt"
    path.write_bytes(lines.encode(encoding))
    assert [target.name for target in read_inventory(str(path)).targets] == ["vm-1", "vm-2"]


def test_a_file_that_is_utf_16_by_its_mark_alone_is_named(tmp_path: Path) -> None:
    path = tmp_path / "vms.txt"
    path.write_bytes(b"\xff\xfea\x00\x00\xd8")
    with pytest.raises(
        InventoryFileError, match=r"its byte order mark is UTF-16's, and byte 4 is not UTF-16"
    ):
        read_inventory(str(path))


def test_a_long_line_is_shown_by_its_beginning() -> None:
    with pytest.raises(InventoryFileError) as caught:
        read_lines([b"x" * 100_000], "fleet.txt")
    assert caught.value.got == "x" * 80


def test_a_file_that_cannot_be_read_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent\.txt cannot be read \(No such file or directory\)"):
        read_inventory(str(tmp_path / "absent.txt"))
    with pytest.raises(UsageError, match="cannot be read"):
        read_inventory(str(tmp_path))


def test_an_empty_file_is_a_fleet_of_nothing() -> None:
    assert read_lines([], "fleet.txt").targets == []


@given(st.binary(max_size=60))
def test_any_line_is_a_machine_or_an_error_with_its_number(raw: bytes) -> None:
    try:
        assert len(read_lines([raw], "fleet.txt").targets) <= 1
    except InventoryFileError as caught:
        error = caught
    else:
        return
    assert error.line == 1


@pytest.mark.parametrize("name", ["", "results.jsonl"])
def test_an_earlier_run_is_an_inventory_by_its_directory_or_its_rows(tmp_path: Path, name: str) -> None:
    rows = [timed_row("vm-1", "Linux", 60.0), timed_row("vm-2", "Windows", None)]
    write_run(tmp_path, rows, torn=b'{"schema":"fleetscan.re')
    read = read_inventory(str(tmp_path / name))
    assert [(target.name, target.os_type) for target in read.targets] == [
        ("vm-1", "Linux"),
        ("vm-2", "Windows"),
    ]


def test_a_run_of_a_later_fleetscan_is_no_inventory(tmp_path: Path) -> None:
    write_run(tmp_path, [timed_row("vm-1", "Linux", 60.0)])
    results = tmp_path / "results.jsonl"
    results.write_bytes(results.read_bytes().replace(b"fleetscan.result/1", b"fleetscan.result/2"))
    with pytest.raises(CannotReadRunError, match=r"is of schema fleetscan\.result/2; use the version"):
        read_inventory(str(results))


@pytest.mark.parametrize(
    "other",
    [
        "/providers/Microsoft.Compute/virtualMachineScaleSets/pool/virtualMachines/0",
        "/providers/Microsoft.HybridCompute/machines/arc-1/extensions/e",
        "/providers/Microsoft.HybridCompute/virtualMachines/arc-1",
    ],
)
def test_a_uniform_scale_set_s_instance_and_what_belongs_to_an_arc_server_are_refused(other: str) -> None:
    with pytest.raises(InventoryFileError):
        read_lines([f"/subscriptions/3f8c/resourceGroups/web{other}".encode()], "vms.txt")
