"""What the compared programs share: their arguments, the machines of an inventory, and a line for each.

A line is `{"id": ..., "result": Azure's result object}`, or `{"id": ..., "error": ...}` where none came.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

TOKEN = "FLEETSCAN_ACCESS_TOKEN"  # noqa: S105 - the variable's name, not a token


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine as the official clients want it named."""

    resource_id: str
    subscription_id: str
    resource_group: str
    name: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """The arguments every program takes.

    `wait_s` are the seconds between two looks at an operation, `width` the machines under way at once.
    """

    endpoint: str
    inventory: Path
    out: Path
    wait_s: float
    width: int

    @classmethod
    def from_arguments(cls, description: str) -> Inputs:
        """Reads the command line."""
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("--endpoint", required=True)
        parser.add_argument("--inventory", required=True, type=Path)
        parser.add_argument("--out", required=True, type=Path)
        parser.add_argument("--wait-s", required=True, type=float)
        parser.add_argument("--width", required=True, type=int)
        read = parser.parse_args()
        return cls(read.endpoint, read.inventory, read.out, read.wait_s, read.width)

    def resource_ids(self) -> list[str]:
        """The ids in the inventory, a file of one JSON object with `id` a line."""
        return [str(orjson.loads(line)["id"]) for line in self.inventory.read_bytes().splitlines()]

    def machines(self) -> list[Machine]:
        """The machines in the inventory."""
        return [machine(resource_id) for resource_id in self.resource_ids()]


class Lines:
    """The file of lines, written unbuffered, so that a line is there when its machine has ended."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)

    def result(self, resource_id: str, result: object) -> None:
        """A machine's result."""
        os.write(self._fd, orjson.dumps({"id": resource_id, "result": result}) + b"\n")

    def error(self, resource_id: str, error: Exception) -> None:
        """Why a machine has none."""
        os.write(self._fd, orjson.dumps({"id": resource_id, "result": None, "error": repr(error)}) + b"\n")


def machine(resource_id: str) -> Machine:
    """The parts of `/subscriptions/S/resourceGroups/G/providers/Microsoft.Compute/virtualMachines/N`."""
    parts = resource_id.split("/")
    return Machine(resource_id, parts[2], parts[4], parts[8])


def bearer() -> Mapping[str, str]:
    """The header that carries the token of the environment."""
    return {"Authorization": f"Bearer {os.environ[TOKEN]}"}
