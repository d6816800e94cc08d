"""The jq recipes of the pages tell VMs of one name apart, whatever their patches are called."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
from pathlib import Path

import orjson
import pytest

import fleetscan
from fleetscan.model import Json
from fleetscan.simulator import Cloud, Scenario, serve
from tests.readme.pages import Command, all_commands

RECIPE = re.compile(r"^jq .*@[ct]sv.*results\.jsonl", re.DOTALL)
RECIPES = [command for command in all_commands() if RECIPE.match(command.text)]
KB = "5034441"
TITLE = '=1+1, the "monthly" rollup\nof\tNovember'
ON_CALL = re.compile(r"names\.txt|group_by\(\.name")
GROUPS = ("3f8c/web-prod", "3f8c/web-test", "9b2e/web-prod")

pytestmark = pytest.mark.skipif(shutil.which("jq") is None, reason="recipes need jq")


async def one_row() -> fleetscan.Row:
    """The row of a VM that was assessed."""
    fleet = Scenario(machines=8, speed=2000.0, limits_speed=0.0, stopped_pct=0.0, failing_pct=0.0)
    async with serve(Cloud(fleet)) as endpoint:
        settings = fleetscan.Settings(endpoint=endpoint, first_poll_s=0.2)
        async with fleetscan.scan(settings, credential="any") as live:
            rows = [row async for row in live]
    return next(row for row in rows if row["outcome"] == "assessed")


def twins_of(row: fleetscan.Row) -> list[dict[str, Json]]:
    """VMs that differ in their subscription or resource group alone: assessed, from the graph, and failed."""
    patch: dict[str, Json] = {"kbId": KB, "name": TITLE, "version": None, "classifications": ["Security"]}
    in_graph: dict[str, Json] = {"kbId": KB, "patchName": TITLE, "version": None, "classifications": None}
    error: Json = {"code": "Conflict", "message": "two\nlines", "http_status": 409}
    kinds: list[tuple[str, dict[str, Json]]] = [
        ("web-01", {"assessment": {"availablePatches": [patch]}, "critical_and_security_count": 1}),
        ("web-02", {"assessment": {"patches": [in_graph]}, "critical_and_security_count": 1}),
        ("web-03", {"outcome": "failed", "reason": "conflict", "assessment": None, "error": error}),
        ("web-04", {"outcome": "skipped", "reason": "not_running", "assessment": None}),
    ]
    return [_twin(row, place, name, told) for place in GROUPS for name, told in kinds]


def _twin(row: fleetscan.Row, place: str, name: str, told: dict[str, Json]) -> dict[str, Json]:
    subscription, group = place.split("/")
    resource_id = (
        f"/subscriptions/{subscription}/resourceGroups/{group}"
        f"/providers/Microsoft.Compute/virtualMachines/{name}"
    )
    where = {"subscription_id": subscription, "resource_group": group, "name": name}
    untold = {"critical_and_security_count": None, "error": None}
    return {**row, **untold, **where, "resource_id": resource_id, **told}  # type: ignore[dict-item]


def given(command: Command, directory: Path) -> str:
    """What the recipe gives, or writes, in `directory`."""
    done = subprocess.run(
        ["/bin/sh", "-c", command.text], cwd=directory, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""
    target = re.search(r" > (\S+)$", command.text)
    return (directory / target[1]).read_text() if target else done.stdout


async def test_each_recipe_tells_vms_of_one_name_apart(tmp_path: Path) -> None:
    twins = b"".join(orjson.dumps(twin) + b"\n" for twin in twins_of(await one_row()))
    for run in ("fleetscan-runs/latest", "oncall"):
        (tmp_path / run).mkdir(parents=True)
        (tmp_path / run / "results.jsonl").write_bytes(twins)
    assert len(RECIPES) >= 2
    for recipe in RECIPES:
        text = given(recipe, tmp_path)
        lines = (
            list(csv.reader(text.splitlines(keepends=True))) if "@csv" in recipe.text else text.splitlines()
        )
        assert len(lines) >= len(GROUPS), recipe
        assert len({str(line) for line in lines}) == len(lines), f"{recipe.text} confuses VMs:\n{text}"


def on_call(text: str, rows: list[dict[str, Json]], directory: Path) -> list[str]:
    """What the on-call page's recipes give for a names.txt of `text`: VMs found, lines not found, twins."""
    (directory / "fleetscan-runs/latest").mkdir(parents=True)
    lines = b"".join(orjson.dumps(row) + b"\n" for row in rows)
    (directory / "fleetscan-runs/latest/results.jsonl").write_bytes(lines)
    (directory / "names.txt").write_bytes(text.encode())
    found, unfound, twins = [each for each in all_commands() if ON_CALL.search(each.text)]
    ids = [orjson.loads(line)["resource_id"] for line in given(found, directory).splitlines()]
    places = [
        place.split("resourceGroups/")[1].replace("/providers/Microsoft.Compute/virtualMachines", "")
        for place in ids
    ]
    return [*places, "|", *given(unfound, directory).splitlines(), "|", *given(twins, directory).splitlines()]


async def test_the_on_call_recipe_takes_names_groups_and_ids_in_any_case(tmp_path: Path) -> None:
    rows = [each for each in twins_of(await one_row()) if "/3f8c/" in str(each["resource_id"])]
    test_02 = next(
        str(each["resource_id"])
        for each in rows
        if str(each["resource_id"]).endswith("test/providers/Microsoft.Compute/virtualMachines/web-02")
    )
    told = on_call(f"WEB-01\r\nWeb-Prod/web-03  \n{test_02.upper()}\n\nweb-99\nother/web-04", rows, tmp_path)
    assert told == [
        *("web-prod/web-01", "web-prod/web-03", "web-test/web-01", "web-test/web-02", "|"),
        *("web-99", "other/web-04", "|"),
        *("web-prod/web-01", "web-test/web-01"),
    ]


async def test_the_on_call_recipe_says_all_where_nothing_is_found(tmp_path: Path) -> None:
    assert on_call("web-99\n", twins_of(await one_row()), tmp_path) == ["|", "web-99", "|"]
