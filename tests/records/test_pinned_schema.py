"""The contract, pinned: `fleetscan schema` prints what it printed before, and what was added on purpose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fleetscan.cli.main import run
from fleetscan.records.schema import SCHEMAS

PINNED = Path(__file__).with_name("schema_0_1.json")
# Schemas of their own that came later; what is in them is up to the declarations.
ADDED_SCHEMAS = ("fleetscan.run/1", "fleetscan.journal/1")


def with_additions(schemas: dict[str, Any]) -> dict[str, Any]:
    """What was pinned, and each addition to it."""
    row = schemas["fleetscan.result/1"]
    error = row["properties"]["error"]
    error["properties"]["origin"] = {
        "description": "Whose word the code is.",
        "enum": ["azure", "fleetscan"],
    }
    error["required"].append("origin")
    pin_patches_complete(row)
    return schemas | {name: SCHEMAS[name]() for name in ADDED_SCHEMAS}


def pin_patches_complete(row: dict[str, Any]) -> None:
    """It is null unless the VM was assessed, and never null where an operation's result told the list."""
    row["properties"]["patches_complete"]["description"] = (
        "False when the list is shorter than the counts or marked as cut; null where there are no counts to "
        "compare it with, or no list was asked for."
    )
    del row["else"]["properties"]["patches_complete"]
    assessed, *others = row["oneOf"]
    assessed["if"] = {"properties": {"source": {"const": "operation"}}}
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
