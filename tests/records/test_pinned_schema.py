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
    error = schemas["fleetscan.result/1"]["properties"]["error"]
    error["properties"]["origin"] = {
        "description": "Whose word the code is.",
        "enum": ["azure", "fleetscan"],
    }
    error["required"].append("origin")
    source = schemas["fleetscan.result/1"]["properties"]["source"]
    source["enum"].insert(2, "instance_view")
    del schemas["fleetscan.result/1"]["else"]["properties"]["patches_complete"]
    return schemas | {name: SCHEMAS[name]() for name in ADDED_SCHEMAS}


def test_the_printed_schemas_are_the_pinned_ones_and_their_additions_byte_for_byte(
    capsys: pytest.CaptureFixture[str],
) -> None:
    expected = with_additions(json.loads(PINNED.read_text()))
    assert run(["schema"]) == 0
    assert capsys.readouterr().out == json.dumps(expected, indent=2) + "\n"
