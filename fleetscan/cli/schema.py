"""`fleetscan schema`: what a line of results.jsonl and of totals.jsonl looks like, for machines."""

from __future__ import annotations

import click
import orjson

from fleetscan.cli.console import hand_over
from fleetscan.results.schema import result_schema, totals_schema


@click.command()
def schema() -> int:
    """Print the JSON Schema of the records.

    One JSON object: the schema of each kind of record under its name.
    """
    schemas = {"fleetscan.result/1": result_schema(), "fleetscan.totals/1": totals_schema()}
    hand_over(orjson.dumps(schemas, option=orjson.OPT_INDENT_2).decode())
    return 0
