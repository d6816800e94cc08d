"""One selection is the same VMs however they are listed: pushed into Resource Graph's query, filtered after
Compute's lists, or read from a file. What is right is worked out here, from the simulated fleet itself.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

import pytest

from fleetscan import json_text
from fleetscan.errors import UsageError
from fleetscan.inventory import scale_sets
from fleetscan.inventory.from_file import read_lines
from fleetscan.inventory.pushed import pushed
from fleetscan.inventory.resource_graph import QUERY
from fleetscan.records.listed_vm import listed_vm
from fleetscan.scanner.selecting import fleet_at_azure, fleet_in_file, selection_in
from fleetscan.settings.selecting import InventorySettings
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.fleet import Machine
from fleetscan.simulator.odd_tags import ODD_TAGS
from fleetscan.simulator.scenario import Scenario
from tests.scanner.asked_cloud import Asked, keys, listed
from tests.series import length

NAMES = ["web-*", "*-prod-*", "SQL-PROD-WEU-001", "a?i-*", "[a-c]*", "*", "x' or 1 == 1 //", "nothing"]
GROUPS = ["rg-shop-*", "RG-CRM-PROD-WEU", "*-weu", "rg-[bs]*", "rg' | project id", "rg-*"]
LOCATIONS = ["West Europe", "westeurope", "EASTUS", "northeurope", "west'europe"]
TAGS = [
    *(f"{name}={value}" for tags in ODD_TAGS for name, value in tags.items()),
    *(f"{name.swapcase()}!={value}" for tags in ODD_TAGS for name, value in tags.items()),
    *(name.upper() for tags in ODD_TAGS for name in tags),
    "environment=prod",
    "environment=test",
    "owner=team-crm",
    "application",
    "kelvin",
    "\u212aelvin",
    "env.*=prod",
]
CHOICES: Mapping[str, Sequence[str]] = {
    "name": NAMES,
    "resource_group": GROUPS,
    "location": LOCATIONS,
    "tag": TAGS,
    "os": ["windows", "linux"],
    "power_state": ["running", "stopped", "deallocated", "starting"],
    "patch_mode": ["AutomaticByOS", "AutomaticByPlatform", "ImageDefault", "Manual"],
}


def cloud_of(seed: int, hidden: int = 0) -> Cloud:
    """A fleet of which a third has odd tags, and a tenth tells no states."""
    scenario = Scenario(
        machines=120,
        seed=seed,
        hidden_subscriptions=hidden,
        empty_subscriptions=1,
        limits_speed=0,
        odd_tags_pct=33,
        untold_pct=10,
        stopped_pct=20,
    )
    return Cloud(scenario)


def drawn(draw: random.Random) -> dict[str, tuple[str, ...]]:
    """One or two settings that include and as many that exclude."""
    wanted = {}
    for prefix in ("", "exclude_"):
        for name in draw.sample(list(CHOICES), draw.randint(0, 2)):
            wanted[prefix + name] = tuple(draw.choices(CHOICES[name], k=draw.randint(1, 3)))
    return wanted


def ascii_lower(text: str) -> str:
    """Lower case, in which no letter beyond ASCII becomes one of ASCII."""
    return "".join(each.lower() if each.isascii() or each == "\u1e9e" else each for each in text)


def has_tag(machine: Machine, rule: str) -> bool:
    name, sign, value = rule.partition("=")
    is_negated = name.endswith("!") and bool(sign)
    name = name[:-1] if is_negated else name
    values = [text for key, text in machine.tags.items() if ascii_lower(key) == ascii_lower(name)]
    return (value not in values) if is_negated else (value in values) if sign else bool(values)


def holds(machine: Machine, setting: str, value: str) -> bool:
    """Whether a rule holds; what is untold satisfies none."""
    lot = machine.lot
    match setting:
        case "name":
            return fnmatchcase(machine.name.lower(), value.lower())
        case "resource_group":
            return fnmatchcase(machine.resource_group.lower(), value.lower())
        case "location":
            return machine.region == value.lower().replace(" ", "")
        case "tag":
            return has_tag(machine, value)
        case "os":
            return machine.image.os_type.lower() == value
        case "power_state":
            return not lot.is_untold and lot.power_state == value
    return not lot.is_untold and lot.patch_mode == value


def is_selected(machine: Machine, wanted: Mapping[str, tuple[str, ...]]) -> bool:
    for setting, values in wanted.items():
        kind = setting.removeprefix("exclude_")
        if kind != setting:
            if any(holds(machine, kind, value) for value in values):
                return False
        elif kind == "tag":
            if not passes_tags(machine, values):
                return False
        elif not any(holds(machine, kind, value) for value in values):
            return False
    return True


def passes_tags(machine: Machine, rules: Sequence[str]) -> bool:
    """Values of one tag are alternatives, different tags must hold, and so must each that is negated."""
    groups: dict[str, list[bool]] = {}
    for place, rule in enumerate(rules):
        name, sign, _ = rule.partition("=")
        is_negated = name.endswith("!") and bool(sign)
        groups.setdefault(str(place) if is_negated else f"={ascii_lower(name)}", []).append(
            has_tag(machine, rule)
        )
    return all(map(any, groups.values()))


@pytest.mark.series
@pytest.mark.parametrize("seed", range(length(8, 500)))
async def test_pushed_down_and_filtered_after_listing_select_the_same_vms(seed: int) -> None:
    cloud = cloud_of(seed % 5)
    draw = random.Random(seed)
    for _ in range(8):
        wanted = drawn(draw)
        settings = InventorySettings(**wanted)  # type: ignore[arg-type]
        try:
            selection = selection_in(settings)
        except UsageError:
            continue
        right = sorted(machine.key for machine in cloud.fleet if is_selected(machine, wanted))
        narrow = await fleet_at_azure(settings, selection, ask := Asked(cloud), is_everything=False)
        assert keys(narrow) == right, (wanted, ask.queries)
        everything = await fleet_at_azure(settings, selection, Asked(cloud), is_everything=True)
        assert keys(everything) == right
        assert len(everything.targets) + len(everything.refused) == 120
        compute = InventorySettings(**wanted, inventory_source="compute")  # type: ignore[arg-type]
        assert keys(await fleet_at_azure(compute, selection, Asked(cloud), is_everything=False)) == right
        whole = [*everything.targets, *(target for target, _ in everything.refused)]
        file = read_lines([json_text.encode(listed_vm(target)) for target in whole], "fleet.jsonl")
        assert keys(await fleet_in_file(settings, file, selection, Asked(cloud))) == right
        # What is said of unknown facts is the same, too.
        assert set(narrow.notes) == set(everything.notes)


async def test_subscriptions_without_a_selected_vm_are_asked_of_compute_only_where_graph_counts_none() -> (
    None
):
    cloud = cloud_of(1, hidden=1)
    hidden, *_ = cloud.fleet.estate.subscriptions
    [empty] = cloud.fleet.estate.empty
    settings = InventorySettings(tag=("environment=nowhere",))
    fleet = await listed(cloud, settings, ask := Asked(cloud))
    assert fleet.targets == []
    assert ask.listed_by_compute == {hidden.subscription_id, empty.subscription_id}
    assert fleet.emptied_by == "tag environment=nowhere"
    assert sum("summarize" in query and "contains" not in query for query in ask.queries) == 1


async def test_the_rule_that_leaves_none_is_told_where_graph_left_them_out() -> None:
    cloud = cloud_of(1)
    settings = InventorySettings(location=("westeurope",), tag=("owner",), name=("nothing",))
    fleet = await listed(cloud, settings)
    assert fleet.emptied_by == "name nothing"
    settings = InventorySettings(location=("nowhere",), name=("nothing",))
    fleet = await listed(cloud, settings)
    assert fleet.emptied_by == "location nowhere"


async def test_an_unfiltered_listing_is_neither_counted_nor_filtered() -> None:
    await listed(cloud := cloud_of(1), InventorySettings(), ask := Asked(cloud))
    assert ask.queries == [QUERY, scale_sets.QUERY]


@pytest.mark.parametrize(
    ("wanted", "clause"),
    [
        ({"name": ("it's",)}, "name in~ (@'it''s')"),
        ({"name": ("web-*", "a\\b")}, "name startswith @'web-' or name in~ (@'a\\b')"),
        ({"exclude_name": ("x' or 1 == 1 //*",)}, "name !startswith @'x'' or 1 == 1 //'"),
        ({"resource_group": ("rg' | project id",)}, "resourceGroup in~ (@'rg'' | project id')"),
        (
            {"location": ("West Europe",)},
            "location in~ (@'westeurope') or location contains ' ' or isempty(location)",
        ),
        ({"tag": ("env",)}, "tostring(tags) contains @'env'"),
        (
            {"tag": ("env=a b", "ENV=c")},
            "tostring(tags) contains @'env' and (tostring(tags) contains @'a b'"
            " or tostring(tags) contains @'c')",
        ),
        ({"tag": ("env=it's",)}, "tostring(tags) contains @'env'"),
    ],
)
def test_a_rule_becomes_a_clause_that_quotes_what_a_person_wrote(
    wanted: Mapping[str, tuple[str, ...]], clause: str
) -> None:
    assert [text for _, text in pushed(selection_in(InventorySettings(**wanted)).rules)] == [clause]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wanted",
    [
        {"tag": ("env!=lab",)},
        {"tag": ('e"nv=lab',)},
        {"tag": ("stra\u00dfe",)},
        {"exclude_tag": ("env=lab",)},
        {"name": ("*-web",)},
        {"name": ("web-*", "*")},
        {"name": ("line\nfeed",)},
        {"name": ("\u212aelvin",)},
        {"exclude_name": ("web-*-1",)},
        {"exclude_name": ("web-?",)},
        {"os": ("windows", "linux")},
        {"name": tuple(f"a-name-of-some-length-{number}" for number in range(100))},
    ],
)
def test_a_rule_that_might_lose_a_vm_is_not_pushed(wanted: Mapping[str, tuple[str, ...]]) -> None:
    assert pushed(selection_in(InventorySettings(**wanted)).rules) == []  # type: ignore[arg-type]
