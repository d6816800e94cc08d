"""From Azure's objects to targets: the recorded machines, and values nobody would expect."""

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
from tests.inventory.listing_driver import A, vm_id

ODD: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def test_the_recorded_machine_with_the_upper_cased_group(recordings: Path) -> None:
    recorded = json.loads((recordings / "vm-list.json").read_text())["interactions"][0]["response"]
    [vm] = recorded["body"]["data"]["value"]
    subscription = "ea42f556-5106-4743-99b0-c129bfa71a47"
    assert target_of(facts_of_vm(vm), {subscription: "Pay as you go"}) == Target(
        resource_id=f"/subscriptions/{subscription}/resourceGroups/TEST_VM"
        "/providers/Microsoft.Compute/virtualMachines/cctestvm",
        subscription_id=subscription,
        resource_group="TEST_VM",
        name="cctestvm",
        location="southcentralus",
        subscription_name="Pay as you go",
        os_type="Linux",
        tags={"testtag": "testvalue", "schedule": "on=(M-U,8);off=(M-U,18);tz=pt"},
        facts={
            "os_name": None,
            "os_version": None,
            "image": "Canonical:UbuntuServer:16.04.0-LTS:latest",
            "patch_mode": "ImageDefault",
            "assessment_mode": None,
        },
    )


def test_the_recorded_machines_with_patch_settings(recordings: Path) -> None:
    recorded = json.loads((recordings / "vm-list-patch-settings.json").read_text())
    windows, linux = (
        target_of(facts_of_vm(vm | {"id": vm_id(vm["name"])}), {})
        for vm in recorded["Entries"][0]["ResponseBody"]["value"]
    )
    assert (windows.name, windows.os_type) == ("typespec-ide", "Windows")
    assert windows.facts["patch_mode"] == "AutomaticByOS"
    assert windows.facts["assessment_mode"] == "ImageDefault"
    assert windows.facts["image"] == "microsoftwindowsdesktop:windows-11:win11-23h2-pro:latest"
    assert (linux.name, linux.os_type) == ("typespec-ide-linux-vm", "Linux")
    assert linux.facts["patch_mode"] == "AutomaticByPlatform"
    assert linux.facts["assessment_mode"] == "ImageDefault"


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
