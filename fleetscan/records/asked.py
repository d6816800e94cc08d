"""What a run was asked for: the selection that run.json, totals.jsonl and the journal tell. Pure.

Its keys are the settings that say whom a scan asks and for which VMs, and what two of them stood for when the
scan began: an inventory file's content, and the run whose VMs are retried. It holds no secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from fleetscan.addresses import Origin
from fleetscan.model import Json

Selection: TypeAlias = dict[str, Json]

INVENTORY_SHA256 = "inventory_sha256"
RETRIED_SCAN_ID = "retried_scan_id"
# Whether earlier assessments alone are read.
CACHED_ONLY = "cached_only"

# These leave none out: the endpoint says where to ask, a run of earlier assessments alone how, Arc servers
# come besides, how shards are cut is no matter without one, the others follow from what else was asked for.
CHOOSE_NONE = frozenset(
    {
        "endpoint",
        "inventory_source",
        "include_arc",
        "shard_by",
        CACHED_ONLY,
        INVENTORY_SHA256,
        RETRIED_SCAN_ID,
    }
)

# The rules on what a VM is, each with the twin that leaves out: they choose among the VMs of a subscription.
KINDS = ("resource_group", "location", "os", "tag", "name", "power_state", "patch_mode")
RULES = (*KINDS, *(f"exclude_{kind}" for kind in KINDS))
# The names of tags compare without case, their values do not; a region may be written with spaces.
TAGS = frozenset({"tag", "exclude_tag"})
# What a setting is where it is not told.
USUAL = {"inventory_source": "auto", "shard_by": "subscription"}
LOCATIONS = frozenset({"location", "exclude_location"})


def chosen_by(selection: Mapping[str, Json]) -> list[str]:
    """The settings that make the selection less than every VM the identity can see."""
    return [name for name, value in selection.items() if value and name not in CHOOSE_NONE]


def is_elsewhere(one: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    """Whether two selections ask two endpoints; one that is not told is no other one."""
    own, others = one.get("endpoint"), other.get("endpoint")
    return None not in (own, others) and not is_same_value("endpoint", own, others)


def is_same(one: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    """Whether two runs were asked for the same VMs; an input that cannot be read again is never the same.

    A run of earlier assessments alone has the same VMs as one that assesses them.
    """
    if one.get("inventory") and one.get(INVENTORY_SHA256) is None:
        return False
    names = (one.keys() | other.keys()) - {CACHED_ONLY}
    return all(is_same_value(name, one.get(name), other.get(name)) for name in names)


def is_same_value(name: str, one: Json, other: Json) -> bool:
    """Whether two values of one setting ask for the same."""
    return _comparable(name, one) == _comparable(name, other)


def _comparable(name: str, value: Json) -> object:
    """`value` without what makes no difference: a list's order, the case of ids, an endpoint's spelling.

    A setting that is not set is None, whatever it is where it is set, and one that is not told is as usual.
    """
    if name in USUAL:
        return value or USUAL[name]
    if name in TAGS and isinstance(value, list):
        return frozenset(map(_tag, map(str, value))) or None
    if name in LOCATIONS and isinstance(value, list):
        return frozenset("".join(str(each).lower().split()) for each in value) or None
    if name == "endpoint" and isinstance(value, str):
        try:
            return Origin.of(value)
        except ValueError:
            return value
    if isinstance(value, list):
        return frozenset(str(each).lower() for each in value) or None
    return value or None


def _tag(rule: str) -> tuple[str, str]:
    name, _, value = rule.partition("=")
    return name.lower(), value
