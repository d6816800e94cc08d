"""The patches of a row: Azure's own lists from both sources, and entries that are odd."""

from __future__ import annotations

from typing import Any, cast

import pytest

from fleetscan.records.patches import PatchReader, kb_of
from fleetscan.records.row import Row

ROLL_UP = {
    "patchId": "6b1f",
    "name": "2021-01 Update for Windows Server 2016 for x64-based Systems (KB4589210)",
    "kbId": "4589210",
    "classifications": ["Updates"],
    "rebootBehavior": "CanRequestReboot",
    "publishedDate": "2021-03-09T00:00:00+00:00",
    "activityId": "1",
}


def row(patches: object, source: str = "operation", os_type: str | None = "Windows") -> Row:
    key = "availablePatches" if source == "operation" else "patches"
    return cast("Row", {"assessment": {key: patches}, "source": source, "os_type": os_type})


def only(entry: dict[str, Any], **where: Any) -> Any:
    [patch] = PatchReader().of(row([entry], **where))
    return patch


def test_a_windows_patch_is_known_by_its_kb() -> None:
    patch = only(ROLL_UP)
    assert (patch.key, patch.kb, patch.version) == ("KB4589210", "KB4589210", None)
    assert patch.name == "2021-01 Update for Windows Server 2016 for x64-based Systems (KB4589210)"
    assert (patch.classifications, patch.is_critical_or_security) == (("Updates",), False)
    assert (patch.reboot_behavior, patch.published_on) == ("CanRequestReboot", "2021-03-09")


def test_a_linux_package_is_known_by_its_name_and_has_its_version_beside_it() -> None:
    entry = {"name": "curl", "version": "8.5.0-2", "classifications": ["Security"], "publishedDate": None}
    patch = only(entry, os_type="Linux")
    assert (patch.key, patch.kb, patch.version) == ("curl", None, "8.5.0-2")
    assert (patch.is_critical_or_security, patch.published_on) == (True, None)


def test_resource_graph_calls_the_name_and_the_date_otherwise() -> None:
    entry = {"patchName": "Tool", "kbId": "KB890830", "publishedDateTime": "2023-02-14T00:00:00Z"}
    patch = only(entry, source="graph")
    assert (patch.key, patch.name, patch.published_on) == ("KB890830", "Tool", "2023-02-14")


def test_entries_that_say_the_same_are_one_object_whatever_assessment_found_them() -> None:
    reader = PatchReader()
    again = {**ROLL_UP, "activityId": "2", "lastModifiedDateTime": "2023-02-22T04:02:41Z"}
    assert reader.of(row([ROLL_UP]))[0] is reader.of(row([again]))[0]
    renamed = {**ROLL_UP, "name": "Another title (KB4589210)"}
    assert reader.of(row([renamed]))[0] is not reader.of(row([ROLL_UP]))[0]


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ("text", "(unnamed)"),
        ({}, "(unnamed)"),
        ({"name": ["a", "list"], "kbId": {}, "patchId": 7, "classifications": "Security"}, "(unnamed)"),
        ({"name": "", "patchId": "6b1f", "classifications": [None, 3, "Tools"]}, "6b1f"),
        ({"name": "Driver", "kbId": ""}, "Driver"),
        ({"name": "Driver", "kbId": "0"}, "Driver"),
        ({"name": "Driver", "kbId": "none"}, "Driver"),
    ],
)
def test_an_odd_entry_stays_an_entry(entry: Any, key: str) -> None:
    assert only(entry).key == key


def test_entries_without_a_name_are_told_apart_by_their_ids() -> None:
    found = PatchReader().of(
        row([{"patchId": "6b1f"}, {"patchId": "7c20"}, {}, {"kbId": "0", "patchId": "8d"}])
    )
    assert [patch.key for patch in found] == ["6b1f", "7c20", "(unnamed)", "8d"]


@pytest.mark.parametrize("patches", [None, "text", {}, []])
def test_what_is_no_list_has_no_patches(patches: object) -> None:
    assert PatchReader().of(row(patches)) == []


def test_an_instance_view_has_no_list() -> None:
    assert PatchReader().of(cast("Row", {"assessment": {}, "source": "instance_view", "os_type": None})) == []
    assert PatchReader().of(cast("Row", {"assessment": None, "source": None, "os_type": None})) == []


def test_the_list_of_a_source_that_a_later_version_has_is_not_known() -> None:
    assert PatchReader().of(row([ROLL_UP], source="hotpatch")) == []


def test_a_kb_is_read_as_people_write_it() -> None:
    assert {kb_of(text) for text in ("5034441", "KB5034441", "kb5034441", " KB 5034441 ")} == {"KB5034441"}
    assert [kb_of(text) for text in ("", "KB", "KB0", "curl", "KB12x", "٣")] == [None] * 6
