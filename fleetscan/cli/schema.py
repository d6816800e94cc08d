"""`fleetscan schema`: the JSON Schema of each kind of record."""

from __future__ import annotations

import click

from fleetscan import json_text
from fleetscan.cli.command_help import CommandWithExamples, Example
from fleetscan.cli.console import hand_over
from fleetscan.records.schema import SCHEMAS

EXAMPLES = (Example("All schemas in a file", "fleetscan schema > schemas.json"),)


@click.command(cls=CommandWithExamples, examples=EXAMPLES)
def schema() -> int:
    """Print the JSON Schema of the records.

    One JSON object: the schema of each kind of record under its name.
    """
    schemas = {name: make() for name, make in SCHEMAS.items()}
    hand_over(json_text.encode_ascii(schemas, indent=2))
    return 0
