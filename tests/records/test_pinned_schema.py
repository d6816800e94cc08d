"""The contract, pinned: `fleetscan schema` prints what it printed before, and what was added on purpose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fleetscan.cli.main import run
from fleetscan.records.known_facts import COUNTED, NAMES
from fleetscan.records.schema import SCHEMAS

PINNED = Path(__file__).with_name("schema_0_1.json")
# Schemas of their own that came later; what is in them is up to the declarations.
ADDED_SCHEMAS = (
    "fleetscan.run/1",
    "fleetscan.journal/1",
    "fleetscan.report/1",
    "fleetscan.diff/1",
    "fleetscan.doctor/1",
)


WITH_ERRORS = ("fleetscan.totals/1", "fleetscan.plan/1")


def with_additions(schemas: dict[str, Any]) -> dict[str, Any]:
    """What was pinned, and each addition to it."""
    row = schemas["fleetscan.result/1"]
    error = row["properties"]["error"]
    error["properties"]["origin"] = {
        "description": "Whose word the code is.",
        "enum": ["azure", "fleetscan"],
    }
    error["required"].append("origin")
    # Since it is said whose words they are, they are no longer said to be Azure's alone.
    for told in (error, *(schemas[name]["properties"]["inventory_errors"]["items"] for name in WITH_ERRORS)):
        told["properties"]["code"]["description"] = "The innermost error code; Azure's is verbatim."
        told["properties"]["message"]["description"] = "The innermost message; Azure's is verbatim."
    with_totals_additions(schemas["fleetscan.totals/1"])
    with_plan_additions(schemas["fleetscan.plan/1"])
    source = schemas["fleetscan.result/1"]["properties"]["source"]
    source["enum"].insert(2, "instance_view")
    reasons = row["properties"]["reason"]["enum"]
    reasons.insert(reasons.index("busy") + 1, "not_cached")
    row["oneOf"][1]["properties"]["reason"]["enum"].append("not_cached")
    pin_patches_complete(row)
    with_added(row, SCHEMAS["fleetscan.result/1"](), ("esu_status", "hotpatch_status", *NAMES))
    return schemas | {name: SCHEMAS[name]() for name in ADDED_SCHEMAS}


def with_plan_additions(plan: dict[str, Any]) -> None:
    """What a plan tells besides: earlier assessments, Arc servers, and what no listing has."""
    now: dict[str, Any] = SCHEMAS["fleetscan.plan/1"]()
    with_added(plan, now, ("selection", "earlier", "arc", "uniform_scale_set_vms", "not_scanned"))
    with_added(plan["properties"]["groups"]["items"], now["properties"]["groups"]["items"], ("fresh",))
    # Since some VMs are neither, it is said which ones are meant, and what the end of a reading is.
    plan["properties"]["skipped"]["description"] = (
        "Those that are neither assessed nor fresh, by the reason of their rows."
    )
    told = plan["properties"]["groups"]["items"]["properties"]
    told["skipped"]["description"], told["to_assess"]["description"] = (
        "Those that are skipped.",
        "Those that are assessed.",
    )
    plan["properties"]["predicted"]["properties"]["ends_after_s"]["description"] = (
        "When the last VM ends; of a scan that starts none, from its first query of assessments."
    )


def with_totals_additions(totals: dict[str, Any]) -> None:
    """What a line of totals.jsonl tells besides: what was asked for, what was passed over, and names.

    A key is null, no longer a word, for VMs without one.
    """
    now: dict[str, Any] = SCHEMAS["fleetscan.totals/1"]()
    with_added(totals, now, ("name", "selection", "not_scanned", "uniform_scale_set_vms", *COUNTED))
    totals["properties"]["key"] = now["properties"]["key"]
    for part in ("then", "else"):
        totals[part] = now[part]


def with_added(pinned: dict[str, Any], now: dict[str, Any], added: tuple[str, ...]) -> None:
    """`pinned` with the `added` fields in the places where they are now."""
    fields = pinned["properties"] | {name: now["properties"][name] for name in added}
    pinned["properties"] = {name: fields[name] for name in now["properties"]}
    pinned["required"] = [name for name in now["required"] if name in fields]


def pin_patches_complete(row: dict[str, Any]) -> None:
    """It is null unless the VM was assessed, and never null where a VM's operation told the list."""
    row["properties"]["patches_complete"]["description"] = (
        "False when the list is shorter than the counts or marked as cut; null where there are no counts to "
        "compare it with, or no list was asked for."
    )
    del row["else"]["properties"]["patches_complete"]
    assessed, *others = row["oneOf"]
    assessed["if"] = {"properties": {"kind": {"const": "vm"}, "source": {"const": "operation"}}}
    assessed["then"] = {"properties": {"patches_complete": {"type": "boolean"}}}
    for other in others:
        properties = other["properties"]
        other["properties"] = {
            name: properties.get(name, {"type": "null"})
            for name in dict.fromkeys(("outcome", "reason", "patches_complete", *properties))
        }


def test_the_printed_schemas_are_the_pinned_ones_and_their_additions_byte_for_byte(
    capsys: pytest.CaptureFixture[str],
) -> None:
    expected = with_additions(json.loads(PINNED.read_text()))
    assert run(["schema"]) == 0
    assert capsys.readouterr().out == json.dumps(expected, indent=2) + "\n"


def test_the_words_for_how_a_check_of_the_doctor_ended_are_these() -> None:
    doctor: dict[str, Any] = SCHEMAS["fleetscan.doctor/1"]()
    status = doctor["properties"]["checks"]["items"]["properties"]["status"]
    assert status["enum"] == ["ok", "warning", "failed", "not_checked"]
