"""The page's data as the browser unpacks it, and each VM of it with its facts and patches."""

from __future__ import annotations

import gzip
import re
from base64 import b64decode
from itertools import accumulate
from typing import Any

import orjson

DATA = re.compile(r'<script type="text/plain" id="data">([A-Za-z0-9+/=]*)</script>')


def data_of(page: str) -> dict[str, Any]:
    """The JSON in a page."""
    (found,) = DATA.findall(page)
    return orjson.loads(gzip.decompress(b64decode(found)))  # type: ignore[no-any-return]


def vms_of(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The VMs, each with its facts by column; `patches` are the keys in its list, `entries` their numbers."""
    columns = data["vms"]
    made = []
    for i in range(data["count"]):
        vm = {name: column["values"][column["at"][i]] for name, column in columns.items()}
        vm["entries"] = [*accumulate(vm.pop("list"))]
        vm["patches"] = [data["patches"]["keys"][data["patches"]["key"][number]] for number in vm["entries"]]
        made.append(vm)
    return made


def id_of(vm: dict[str, Any], data: dict[str, Any]) -> str:
    """The VM's id: told, or made of its parts."""
    within = f"/subscriptions/{vm['subscription']}/resourceGroups/{vm['group']}"
    return vm["id"] or f"{within}/providers/{data['kinds'][vm['kind']]}/{vm['name']}"


def vms_by_key(data: dict[str, Any]) -> dict[str, int]:
    """How many VMs miss each patch, as the page says."""
    return dict(zip(data["patches"]["keys"], data["patches"]["vms"], strict=True))


def entry_of(data: dict[str, Any], number: int) -> dict[str, Any]:
    """What is told of one entry."""
    columns = ("name", "version", "class", "reboot", "published")
    return {name: data["patches"][name]["values"][data["patches"][name]["at"][number]] for name in columns}
