"""From Azure's objects to targets: machines as Azure lists them, and unexpected values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscan.addresses import VmId, parse_vm_id
from fleetscan.inventory.machines import (
    facts_of_vm,
    image_of,
    location_of,
    os_type_of,
    power_state_of,
    tags_of,
    target_of,
)
from fleetscan.model import Json, Target
from fleetscan.records.machine_facts import shared_facts
from tests.inventory.listing_driver import A, vm_id
from tests.replay import proxy_recording, vcr_recording

ODD: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def machine(
    subscription: str, group: str, name: str, location: str, tags: dict[str, str], **facts: str
) -> Target:
    """A VM of the subscription "Pay as you go"."""
    resource_id = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute"
    return Target(
        f"{resource_id}/virtualMachines/{name}",
        subscription,
        group,
        name,
        subscription_name="Pay as you go",
        os_type="Linux",
        facts=shared_facts(facts),
        location=location,
        tags=tags,
    )


UPPER_CASED = {
    "exchanges": machine(
        "7c0e3d52-4b19-4f8e-9a61-0d5f2b8e6c37",
        "RG-BILLING",
        "vm-billing-03",
        location="germanywestcentral",
        image="Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest",
        patch_mode="AutomaticByPlatform",
        tags={"owner": "billing", "hours": "mon-fri,7-19"},
    ),
    "recordings": machine(
        "ea42f556-5106-4743-99b0-c129bfa71a47",
        "TEST_VM",
        "cctestvm",
        location="southcentralus",
        image="Canonical:UbuntuServer:16.04.0-LTS:latest",
        patch_mode="ImageDefault",
        tags={"testtag": "testvalue", "schedule": "on=(M-U,8);off=(M-U,18);tz=pt"},
    ),
}
# Name, system, patch mode, assessment mode and image.
PATCH_SETTINGS = {
    "exchanges": [
        "vm-desk-1 Windows Manual AutomaticByPlatform"
        " MicrosoftWindowsServer:WindowsServer:2022-datacenter-g2:latest",
        "vm-desk-2 Linux ImageDefault AutomaticByPlatform RedHat:RHEL:9-lvm-gen2:latest",
    ],
    "recordings": [
        "typespec-ide Windows AutomaticByOS ImageDefault"
        " microsoftwindowsdesktop:windows-11:win11-23h2-pro:latest",
        "typespec-ide-linux-vm Linux AutomaticByPlatform ImageDefault"
        " canonical:0001-com-ubuntu-server-focal:20_04-lts-gen2:latest",
    ],
}


def test_a_listed_machine_whose_group_is_upper_cased(exchanges: Path) -> None:
    (listed,) = vcr_recording(exchanges / "vm-list.json")
    (vm,) = json.loads(listed.body)["value"]
    expected = UPPER_CASED[exchanges.name]
    assert target_of(facts_of_vm(vm), {expected.subscription_id: "Pay as you go"}) == expected


def test_listed_machines_with_patch_settings(exchanges: Path) -> None:
    (listed,) = proxy_recording(exchanges / "vm-list-patch-settings.json")
    targets = [
        target_of(facts_of_vm(vm | {"id": vm_id(vm["name"])}), {}) for vm in json.loads(listed.body)["value"]
    ]
    assert [
        f"{vm.name} {vm.os_type} {vm.facts['patch_mode']} {vm.facts['assessment_mode']} {vm.facts['image']}"
        for vm in targets
    ] == PATCH_SETTINGS[exchanges.name]


def test_the_instance_view_tells_the_system_and_the_power_state() -> None:
    status: Json = {
        "properties": {
            "instanceView": {
                "osName": "ubuntu",
                "osVersion": "22.04",
                "statuses": [{"code": "ProvisioningState/succeeded"}, {"code": "PowerState/deallocated"}],
            }
        }
    }
    target = target_of(facts_of_vm({"id": vm_id("vm")}, status), {})
    assert (target.facts["os_name"], target.facts["os_version"]) == ("ubuntu", "22.04")
    assert target.power_state == "deallocated"


def test_machines_that_are_alike_have_one_object_of_facts() -> None:
    vm: dict[str, Json] = {
        "properties": {"storageProfile": {"imageReference": {"publisher": "p", "offer": "o", "sku": "s"}}}
    }
    one, two = (target_of(facts_of_vm({"id": vm_id(name), **vm}), {}) for name in ("vm-1", "vm-2"))
    assert one.facts["image"] == "p:o:s"
    assert one.facts is two.facts


def test_a_subscriptions_name_is_found_whatever_the_case_of_its_id() -> None:
    assert target_of({"id": vm_id("vm", A.upper())}, {A: "Production"}).subscription_name == "Production"


def test_a_resource_id_has_parts_in_the_case_they_came_in() -> None:
    text = "/SUBSCRIPTIONS/Ab-1/resourcegroups/My_(RG).x/providers/microsoft.compute/VIRTUALMACHINES/Vm-1"
    assert parse_vm_id(text) == VmId("Ab-1", "My_(RG).x", "Vm-1")


def test_a_resource_group_may_have_letters_beyond_ascii() -> None:
    assert parse_vm_id(vm_id("vm").replace("/rg/", "/größe/")).resource_group == "größe"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sanitized",
        "vm-7",
        vm_id(""),
        vm_id("vm") + "/",
        vm_id("vm") + "/extensions/x",
        vm_id("vm") + "\n",
        vm_id("vm?api-version=1"),
        vm_id("vm#x"),
        vm_id("a%2fb"),
        vm_id("a b"),
        vm_id("a\x00b"),
        vm_id(".."),
        vm_id("vm").replace("/rg/", "/../"),
        vm_id("vm", "../x"),
        vm_id("vm", ""),
        " " + vm_id("vm"),
        "https://management.azure.com" + vm_id("vm"),
        vm_id("vm").replace("Compute", "HybridCompute"),
        vm_id("vm").replace("Microsoft.Compute", "MicrosoftxCompute"),
        vm_id("vm").replace("virtualMachines", "virtualMachineScaleSets"),
    ],
)
def test_what_is_no_machines_id_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="not a virtual machine's resource id"):
        parse_vm_id(text)


@pytest.mark.parametrize(
    ("text", "location"),
    [("South Central US", "southcentralus"), ("westeurope", "westeurope"), (" ", None), (None, None)],
)
def test_a_location_is_lower_case_without_spaces(text: str | None, location: str | None) -> None:
    assert location_of(text) == location


@pytest.mark.parametrize(
    ("code", "state"),
    [("PowerState/running", "running"), ("PowerState/Deallocated", "deallocated"), ("", None), (None, None)],
)
def test_a_power_state_is_the_word_after_the_slash(code: str | None, state: str | None) -> None:
    assert power_state_of(code) == state


def test_an_os_type_is_one_of_two_words_or_unknown() -> None:
    assert [os_type_of(text) for text in ("windows", "LINUX", "BeOS", None)] == [
        "Windows",
        "Linux",
        None,
        None,
    ]


GALLERY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/x/images/y"


@pytest.mark.parametrize(
    ("reference", "image"),
    [
        ({"publisher": "p", "offer": "o", "sku": "s", "version": "1.0"}, "p:o:s:1.0"),
        ({"publisher": "p", "offer": "o", "sku": "s"}, "p:o:s"),
        ({"id": GALLERY, "exactVersion": "1"}, GALLERY),
        ({"communityGalleryImageId": "/CommunityGalleries/x"}, "/CommunityGalleries/x"),
        ({"publisher": "p"}, None),
        ({}, None),
        (None, None),
        ("text", None),
    ],
)
def test_an_image_is_its_four_parts_or_its_id(reference: Json, image: str | None) -> None:
    assert image_of(reference) == image


def test_tags_are_texts_alone() -> None:
    assert tags_of({"owner": "ann", "cost": 5, "x": None, "": ""}) == {"owner": "ann", "": ""}
    assert tags_of(None) == tags_of(["owner"]) == {}


@given(st.fixed_dictionaries({}, optional={"location": ODD, "tags": ODD, "properties": ODD}), ODD)
def test_a_machine_with_any_odd_values_is_still_a_machine(values: dict[str, Json], status: Json) -> None:
    target = target_of(facts_of_vm({**values, "id": vm_id("vm")}, status), {})
    assert target.key == vm_id("vm").lower()


DEEP = ("properties.osProfile", "properties.storageProfile", "properties.osProfile.linuxConfiguration")


@pytest.mark.parametrize("path", [*DEEP, "properties.storageProfile.osDisk.osType", "tags", "location"])
@pytest.mark.parametrize("odd", [None, 7, True, [], [None], "text", {}, {"patchMode": 5, "osType": []}])
def test_a_wrong_type_anywhere_leaves_the_rest_known(path: str, odd: Json) -> None:
    vm: dict[str, Json] = {"id": vm_id("vm"), "properties": {}}
    inner = vm
    *parents, last = path.split(".")
    for name in parents:
        inner = inner.setdefault(name, {})  # type: ignore[assignment]
    inner[last] = odd
    target = target_of(facts_of_vm(vm), {A: "Production"})
    assert (target.name, target.subscription_name) == ("vm", "Production")
    assert target.facts.get("patch_mode") is None


@given(ODD)
def test_what_has_no_id_is_no_machine(vm: Json) -> None:
    with pytest.raises(ValueError, match="not a virtual machine's resource id"):
        target_of(facts_of_vm(vm), {})
