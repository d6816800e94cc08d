"""`fleetscan schema`: the JSON Schema of a line of results.jsonl and totals.jsonl, and of a plan."""

from __future__ import annotations

import click

from fleetscan import json_text
from fleetscan.cli.console import hand_over
from fleetscan.planning.plan_schema import plan_schema
from fleetscan.records.schema import result_schema, totals_schema


@click.command()
def schema() -> int:
    """Print the JSON Schema of the records.

    One JSON object: the schema of each kind of record under its name.
    """
    schemas = {
        "fleetscan.result/1": result_schema(),
        "fleetscan.totals/1": totals_schema(),
        "fleetscan.plan/1": plan_schema(),
    }
    hand_over(json_text.encode_ascii(schemas, indent=2))
    return 0
