"""What a rule of the selection says of a VM, and which of several rules leave a VM out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from fleetscan.errors import UsageError
from fleetscan.inventory.machines import UNTOLD_TAGS
from fleetscan.inventory.rules import Tag
from fleetscan.inventory.sifting import Selection
from fleetscan.model import Target
from tests.inventory.listing_driver import A, vm_id


def machine(name: str = "vm", **facts: object) -> Target:
    """A VM in West Europe, unless that is said to be otherwise."""
    known: dict[str, object] = {"location": "westeurope"} | facts
    group = str(known.pop("resource_group", "rg"))
    return Target(vm_id(name), A, group, name, **known)  # type: ignore[arg-type]


def tagged(**tags: str) -> Target:
    return machine(tags=tags)


def is_kept(target: Target, **wanted: Sequence[str]) -> bool:
    return Selection(wanted).refused_by(target) is None


@pytest.mark.parametrize(
    ("rule", "tags", "kept"),
    [
        ("env=prod", {"env": "prod"}, True),
        ("env=prod", {"ENV": "prod"}, True),
        ("env=prod", {"env": "Prod"}, False),
        ("env=prod", {"env": "production"}, False),
        ("env=prod", {}, False),
        ("env", {"Env": ""}, True),
        ("env", {"environment": "prod"}, False),
        ("env=", {"env": ""}, True),
        ("env=", {"env": "prod"}, False),
        ("env!=lab", {"env": "prod"}, True),
        ("env!=lab", {}, True),
        ("env!=lab", {"Env": "lab"}, False),
        ("env!=lab", {"env": "Lab"}, True),
        ("a=b=c", {"a": "b=c"}, True),
        ("a=b!=c", {"a": "b!=c"}, True),
        ("it's=\"|//\\", {"IT'S": '"|//\\'}, True),
        ("x' or 1==1 //=y", {"x": "y"}, False),
        ("a=line\nfeed", {"a": "line\nfeed"}, True),
        ("straße=groß", {"Straße": "groß"}, True),
        ("\u212aelvin=1", {"kelvin": "1"}, False),
    ],
)
def test_a_tag_has_its_name_without_case_and_its_value_exactly(
    rule: str, tags: Mapping[str, str], kept: bool
) -> None:
    assert is_kept(tagged(**tags), tag=[rule]) is kept
    assert is_kept(tagged(**tags), exclude_tag=[rule]) is not kept


@pytest.mark.parametrize("text", ["", "=prod", "!=prod", "  =x"])
def test_a_rule_on_tags_without_a_name_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError, match="no tag's name"):
        Tag.of(text)


def test_values_of_one_tag_are_alternatives_and_different_tags_must_all_hold() -> None:
    wanted = ["env=prod", "ENV=stage", "owner"]
    assert is_kept(tagged(env="prod", owner="a"), tag=wanted)
    assert is_kept(tagged(env="stage", owner="a"), tag=wanted)
    assert not is_kept(tagged(env="test", owner="a"), tag=wanted)
    assert not is_kept(tagged(env="prod"), tag=wanted)


def test_several_values_that_a_tag_may_not_have_must_all_hold() -> None:
    wanted = ["env!=lab", "env!=dev"]
    assert not is_kept(tagged(env="lab"), tag=wanted)
    assert not is_kept(tagged(env="dev"), tag=wanted)
    assert is_kept(tagged(env="prod"), tag=wanted)


@pytest.mark.parametrize(
    ("glob", "name", "kept"),
    [
        ("web-*", "WEB-01", True),
        ("web-*", "my-web-01", False),
        ("web-?1", "web-01", True),
        ("web-[0-4]?", "web-01", True),
        ("web", "web-01", False),
        ("WEB-01", "web-01", True),
        ("web[1]", "web[1]", True),
        ("*", "anything", True),
        ("x' | project id //", "x' | project id //", True),
        ("x\\", "x\\", True),
    ],
)
def test_names_and_groups_are_globs_without_case(glob: str, name: str, kept: bool) -> None:
    assert is_kept(machine(name), name=[glob]) is kept
    assert is_kept(machine(name), exclude_name=[glob]) is not kept
    assert is_kept(machine(resource_group=name), resource_group=[glob]) is kept
    assert is_kept(machine(resource_group=name), exclude_resource_group=[glob]) is not kept


@pytest.mark.parametrize("written", ["West Europe", "westeurope", "WESTEUROPE"])
def test_a_location_is_one_however_it_is_written(written: str) -> None:
    assert is_kept(machine(), location=[written])
    assert not is_kept(machine(location="northeurope"), location=[written])
    assert is_kept(machine(), location=["eastus", written])


def test_operating_systems_power_states_and_patch_modes_compare_without_case() -> None:
    vm = machine(os_type="Windows", power_state="running", facts={"patch_mode": "AutomaticByOS"})
    assert is_kept(vm, os=["windows"], power_state=["PowerState/Running"], patch_mode=["automaticbyos"])
    assert not is_kept(vm, os=["linux"])
    assert not is_kept(vm, power_state=["VM deallocated"])
    assert not is_kept(vm, exclude_patch_mode=["AutomaticByOS"])


def test_what_is_unknown_satisfies_no_rule_and_is_said() -> None:
    vms = [machine("a"), machine("b", os_type="Linux"), machine("c", os_type="Windows")]
    sifted = Selection({"os": ["windows"]}).sift(vms)
    assert [target.name for target in sifted.kept] == ["c"]
    assert sifted.notes == ["1 VM is left out by os windows: its operating system is unknown"]
    sifted = Selection({"exclude_os": ["windows"]}).sift(vms)
    assert [target.name for target in sifted.kept] == ["a", "b"]
    assert sifted.notes == ["1 VM is kept in spite of exclude-os windows: its operating system is unknown"]


def test_the_tags_of_a_vm_that_is_a_bare_id_are_unknown() -> None:
    bare = [machine("a", tags=UNTOLD_TAGS), machine("b", tags=UNTOLD_TAGS)]
    for rule in ("env!=lab", "env=lab"):
        sifted = Selection({"tag": [rule]}).sift(bare)
        assert sifted.kept == []
        assert sifted.notes == [f"2 VMs are left out by tag '{rule}': their tags are unknown"] or (
            sifted.notes == [f"2 VMs are left out by tag {rule}: their tags are unknown"]
        )


def test_the_rule_that_leaves_a_vm_out_is_told_as_a_person_wrote_it() -> None:
    selection = Selection({"tag": ["env=prod"], "exclude_name": ["a*", "lab *"], "location": ["West Europe"]})
    assert selection.refused_by(tagged(env="dev")) == "tag env=prod"
    assert selection.refused_by(machine("lab 1", tags={"env": "prod"})) == "exclude-name 'lab *'"
    assert selection.refused_by(machine(location="eastus")) == "location 'West Europe'"
    many = Selection({"name": [f"vm-{number}" for number in range(6)]})
    assert many.refused_by(machine()) == "name vm-0 name vm-1 name vm-2 name vm-3 and 2 more"
    assert Selection({"name": ["x" * 500]}).refused_by(machine()) == f"name {'x' * 80}..."


def test_the_rule_that_left_none_of_some_is_named() -> None:
    vms = [tagged(env="prod", owner="a"), tagged(env="dev")]
    assert Selection({"tag": ["env", "owner=b"]}).sift(vms).emptied_by == "tag owner=b"
    assert Selection({"tag": ["env", "owner=a"]}).sift(vms).emptied_by is None
    assert Selection({"tag": ["env"]}).sift([]).emptied_by is None


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"os": ["windows"], "exclude_os": ["Windows"]}, "os windows and exclude-os Windows"),
        ({"location": ["westeurope"], "exclude_location": ["West Europe"]}, "exclude-location 'West Europe'"),
        ({"tag": ["env=prod"], "exclude_tag": ["ENV=prod"]}, "tag env=prod and exclude-tag ENV=prod"),
        ({"tag": ["env=prod"], "exclude_tag": ["env"]}, "exclude-tag env"),
        ({"tag": ["env=prod", "env!=prod"]}, "tag env=prod and tag"),
        ({"tag": ["env=prod"], "exclude_tag": ["env!=lab"]}, "env!=lab"),
        ({"name": ["web-1"], "exclude_name": ["WEB-*"]}, "exclude-name 'WEB-*'"),
        ({"name": ["web-*"], "exclude_name": ["*"]}, "exclude-name '*'"),
        ({"power_state": ["running"], "exclude_power_state": ["VM running"]}, "exclude-power-state"),
        ({"os": ["windows", "linux"], "exclude_os": ["linux", "windows"]}, "exclude-os windows"),
    ],
)
def test_rules_that_no_vm_can_pass_together_are_refused(
    wanted: Mapping[str, Sequence[str]], words: str
) -> None:
    with pytest.raises(UsageError, match="no VM can pass both") as refused:
        Selection(wanted)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "wanted",
    [
        {"os": ["windows", "linux"], "exclude_os": ["linux"]},
        {"tag": ["env"], "exclude_tag": ["env=lab"]},
        {"tag": ["env=prod", "env=lab"], "exclude_tag": ["env=lab"]},
        {"tag": ["env=prod", "owner!=prod"]},
        {"tag": ["env!=a", "env!=b"]},
        {"tag": ["env=lab"], "exclude_tag": ["env!=lab"]},
        {"name": ["web-*"], "exclude_name": ["web-1*"]},
        {"name": ["web-1"], "exclude_resource_group": ["web-1"]},
    ],
)
def test_rules_that_some_vm_can_pass_are_taken(wanted: Mapping[str, Sequence[str]]) -> None:
    assert Selection(wanted).rules
