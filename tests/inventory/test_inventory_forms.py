"""The forms in which people have VMs in a file: of az, PowerShell, a spreadsheet, and fleetscan itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fleetscan import json_text
from fleetscan.errors import InventoryFileError
from fleetscan.inventory.from_file import InventoryFile, read_inventory, read_lines
from fleetscan.inventory.machines import UNTOLD_TAGS
from fleetscan.model import Json, Target
from fleetscan.records.listed_vm import COLUMNS, listed_vm
from fleetscan.report.columns import Column
from fleetscan.report.tables import lines_in
from tests.inventory.listing_driver import A, vm_id

OF_AZ: dict[str, Json] = {
    "id": vm_id("vm-1"),
    "location": "westeurope",
    "name": "vm-1",
    "osProfile": {"windowsConfiguration": {"patchSettings": {"patchMode": "AutomaticByOS"}}},
    "powerState": "VM running",
    "storageProfile": {
        "imageReference": {"publisher": "p", "offer": "o", "sku": "s", "version": "latest"},
        "osDisk": {"osType": "Windows"},
    },
    "tags": {"env": "prod"},
}
# A row of `resources`, as Resource Graph and the REST API have it.
OF_GRAPH: dict[str, Json] = {
    "id": vm_id("vm-1"),
    "location": "westeurope",
    "tags": {"env": "prod"},
    "properties": {
        "osProfile": OF_AZ["osProfile"],
        "storageProfile": OF_AZ["storageProfile"],
        "extended": {"instanceView": {"powerState": {"code": "PowerState/running"}}},
    },
}
WHOLE = Target(
    vm_id("vm-1"),
    A,
    "rg",
    "vm-1",
    location="westeurope",
    os_type="Windows",
    power_state="running",
    tags={"env": "prod"},
    facts={
        "os_name": None,
        "os_version": None,
        "image": "p:o:s:latest",
        "patch_mode": "AutomaticByOS",
        "assessment_mode": None,
        "esu_status": None,
        "hotpatch_status": None,
    },
)


def read(text: str, tmp_path: Path, encoding: str = "utf-8") -> InventoryFile:
    path = tmp_path / "vms"
    path.write_bytes(text.encode(encoding))
    return read_inventory(str(path))


def names(text: str, tmp_path: Path) -> list[str]:
    return [target.name for target in read(text, tmp_path).targets]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "document",
    [
        [OF_AZ],
        [OF_GRAPH],
        {"count": 1, "data": [OF_GRAPH], "skip_token": None, "total_records": 1},
        {"value": [OF_GRAPH]},
        OF_AZ,
    ],
)
def test_json_of_az_is_read_as_it_is_printed(document: Json, indent: int | None, tmp_path: Path) -> None:
    text = json.dumps(document, indent=indent)
    assert read(text, tmp_path).targets == [WHOLE]
    assert read(f"\ufeff\n# by hand\n\n{text}".replace("\n", "\r\n"), tmp_path).targets == [WHOLE]
    assert read(f"\ufeff{text}", tmp_path, "utf-16-le").targets == [WHOLE]
    assert read(text, tmp_path).note is None


def test_projected_columns_of_a_query_are_facts(tmp_path: Path) -> None:
    row = {"id": vm_id("vm-1"), "osType": "Linux", "powerState": "PowerState/deallocated"}
    [target] = read(json.dumps({"data": [row]}), tmp_path).targets
    assert (target.os_type, target.power_state, target.location) == ("Linux", "deallocated", None)
    assert target.tags is UNTOLD_TAGS


@pytest.mark.parametrize(
    ("document", "note"),
    [
        (
            {"count": 1, "data": [OF_GRAPH], "skip_token": "x", "total_records": 5000},
            "has 1 of the 5,000 rows of its query; `fleetscan inventory` lists all",
        ),
        (
            {"value": [OF_GRAPH], "nextLink": "https://x"},
            "has 1 rows of a query with more; `fleetscan inventory` lists all",
        ),
    ],
)
def test_the_first_page_of_an_answer_is_not_taken_for_the_whole(
    document: Json, note: str, tmp_path: Path
) -> None:
    file = read(json.dumps(document, indent=1), tmp_path)
    assert file.targets == [WHOLE]
    assert file.note is not None
    assert file.note.endswith(f"vms {note}")


@pytest.mark.parametrize(
    "text",
    [
        "{id}\n{other}\n",
        "id\n{id}\n{other}\n",
        "\ufeffid\r\n{id}\r\n{other}\r\n",
        '"Id"\r\n"{id}"\r\n"{other}"\r\n',
        "#TYPE Microsoft.Azure.Commands\n\nResource ID\n{id}\n{other}\n",
        '"{id}"\n"{other}"\n',
        "{id}\tvm-1\n{other}\tvm-2",
        '["{id}",\n"{other}"]',
        "name,resource_id,os\nvm-1,{id},Linux\nvm-2,{other},Windows\n",
        "\ufeffVM Resource Id\r\n{id}\r\n{other}\r\n",
        "Owner,Azure resource ID\na,{id}\nb,{other}\n",
        "Name;ResourceId\nvm-1;{id}\nvm-2;{other}\n",
        "Name\tResource Id\nvm-1\t{id}\nvm-2\t{other}\n",
        "Name\tResource Id\tNote\n\t{id}\t\n\t{other}\t\n",
        "sep=;\r\nName;ResourceId\r\n;{id}\r\n;{other}\r\n",
        'name,resource-id\n"a, b","{id}"\n# none\n\n"c ""d""",{other}',
        '[{{"Id": "{id}"}}, {{"ResourceId": "{other}"}}]',
    ],
)
def test_ids_are_read_from_lines_columns_and_tables(text: str, tmp_path: Path) -> None:
    assert names(text.format(id=vm_id("vm-1"), other=vm_id("vm-2")), tmp_path) == ["vm-1", "vm-2"]


def test_an_id_whose_vm_is_named_like_a_heading_is_no_heading(tmp_path: Path) -> None:
    text = f"{vm_id('vm-resource-id')}\n{vm_id('vm-2')}\n"
    assert names(text, tmp_path) == ["vm-resource-id", "vm-2"]


def test_a_csv_tells_the_facts_that_its_columns_name(tmp_path: Path) -> None:
    text = (
        "id,Location,os_type,power_state,patch_mode,tags\n"
        f'{vm_id("a")},West Europe,linux,VM running,Manual,"{{""env"":""prod""}}"\n'
        f"{vm_id('b')},,,,,\n"
    )
    one, two = read(text, tmp_path).targets
    assert (one.location, one.os_type, one.power_state) == ("westeurope", "Linux", "running")
    assert (one.tags, one.facts["patch_mode"]) == ({"env": "prod"}, "Manual")
    assert (two.location, two.os_type, two.power_state, two.tags) == (None, None, None, {})


@pytest.mark.parametrize("form", ["json", "csv"])
def test_what_the_inventory_command_prints_is_read_back(form: str, tmp_path: Path) -> None:
    vm = listed_vm(WHOLE)
    line = [dict(vm)[name] for name in COLUMNS]
    columns = [Column(name, lambda _: None) for name in COLUMNS]
    text = "\n".join(lines_in(form, columns, [line], None))  # type: ignore[arg-type]
    [target] = read(text, tmp_path).targets
    if form == "json":
        assert target == WHOLE
        assert json_text.encode(listed_vm(target)) == json_text.encode(vm)
    assert (target.key, target.tags, target.power_state) == (WHOLE.key, {"env": "prod"}, "running")


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("[", 1, "it begins a JSON document that is not JSON to its end"),
        ("[\n1]", 1, "entry 1 of its JSON is no object and no text"),
        ('{"data": [{"id": "vm-7"}]}', 1, "'id' is not a virtual machine's resource id"),
        ('["x"]', 1, "entry 1 is not a virtual machine's resource id"),
        ("{", 1, "it is neither a JSON object nor a resource id"),
        ("name,id\nvm-1", 2, "it has no column 'id', in which the heading has ids"),
        ("name,id\n\nvm-1,vm-1", 3, "'id' is not a virtual machine's resource id"),
        ("name,location\nvm-1,westeurope", 1, "the line is not a virtual machine's resource id"),
        (f'{vm_id("a")}\n[{{"id": "x"}}]', 2, "it begins a JSON array after other lines"),
    ],
)
def test_what_is_no_vm_in_any_form_is_named_and_never_passed_over(
    text: str, line: int, why: str, tmp_path: Path
) -> None:
    with pytest.raises(InventoryFileError) as refused:
        read(text, tmp_path)
    assert refused.value.line == line
    assert refused.value.why.startswith(why)


def test_a_large_array_on_one_line_is_read(tmp_path: Path) -> None:
    rows = [{"id": vm_id(f"vm-{number}"), "note": "x" * 1000} for number in range(17_000)]
    text = json.dumps(rows)
    assert len(text) > 16 * 1024 * 1024
    assert len(read(text, tmp_path).targets) == 17_000


def test_an_empty_list_is_a_fleet_of_nothing() -> None:
    for text in ("[]", '{"data": []}', "id", ""):
        assert read_lines([text.encode()], "vms").targets == []
