"""What Resource Graph knows besides: each table's words, what is not told, and what is not believed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fleetscan.inventory.known_facts import KnownOfBatch, batches_of, query_known
from fleetscan.model import Json, Reply
from fleetscan.records.known_facts import NAMES
from tests.inventory.listing_driver import AZURE, A, B, asked, graph_page, played, refused, vm_id

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
CONFIGURATION = (
    f"/subscriptions/{B}/resourceGroups/rg/providers/Microsoft.Maintenance/maintenanceConfigurations/weekly"
)
BY_PLATFORM: Json = {
    "patchMode": "AutomaticByPlatform",
    "assessmentMode": "AutomaticByPlatform",
    "automaticByPlatformSettings": {"bypassPlatformSafetyChecksOnUserSchedule": True},
}
NONE = graph_page(0, [])


def machine(name: str, **told: Json) -> dict[str, Json]:
    return {"id": vm_id(name), **told}


def installation(name: str, number: str, **told: Json) -> dict[str, Json]:
    return {"id": f"{vm_id(name)}/patchInstallationResults/{number}", **told}


def assignment(resource_id: str, configuration: str = CONFIGURATION) -> dict[str, Json]:
    return {
        "id": f"{resource_id}/providers/Microsoft.Maintenance/configurationAssignments/{hash(configuration)}",
        "resourceId": resource_id,
        "configurationId": configuration,
    }


def told(*replies: Reply) -> KnownOfBatch:
    answer, _ = played(query_known(AZURE, [A], NOON, {}), *replies)
    return answer


def facts(*replies: Reply, name: str = "vm-1") -> dict[str, Any]:
    """The facts of one VM by their names."""
    return dict(zip(NAMES, told(*replies).by_machine[vm_id(name).lower()], strict=True))


def page_of(*rows: Json) -> Reply:
    return graph_page(len(rows), list(rows))


def scopes(scope: str | None) -> Reply:
    return page_of({"id": CONFIGURATION.upper(), "maintenanceScope": scope})


def test_every_table_is_asked_for_sorted_by_id_and_joined_without_regard_to_case() -> None:
    answer, asks = played(
        query_known(AZURE, [A], NOON, {}),
        page_of(machine("VM-1", windowsPatching=BY_PLATFORM, osName="ubuntu", osVersion="20.04")),
        page_of({"id": f"{vm_id('vm-1')}/PatchAssessmentResults/latest", "patchServiceUsed": "WU_WSUS"}),
        page_of(
            installation(
                "vm-1",
                "1",
                status="CompletedWithWarnings",
                startDateTime="2026-11-20T01:00:00.0000000-05:00",
                lastModifiedDateTime="2026-11-20T02:00:00.0000000-05:00",
                failedPatchCount=2,
                pendingPatchCount=3,
                maintenanceWindowExceeded=True,
                rebootStatus="Required",
            )
        ),
        page_of(assignment(vm_id("vm-1").upper())),
        scopes("InGuestPatch"),
    )
    assert dict(zip(NAMES, answer.by_machine[vm_id("vm-1").lower()], strict=True)) == {
        "facts_read": "resources, patchassessmentresources, patchinstallationresources, maintenanceresources",
        "patch_service": "WU_WSUS",
        "maintenance_configuration": CONFIGURATION,
        "maintenance_has_effect": True,
        "last_installation_status": "CompletedWithWarnings",
        "last_installation_at": "2026-11-20T07:00:00.000000Z",
        "last_installation_failed": 2,
        "last_installation_pending": 3,
        "last_installation_window_exceeded": True,
        "last_installation_reboot": "Required",
        "periodic_assessment": True,
        "os_support_ends_on": "2025-05-31",
        "os_support_ended": True,
    }
    assert all("| project id, " in str(asked(ask)["query"]) for ask in asks)
    assert all(str(asked(ask)["query"]).endswith("order by id asc") for ask in asks)
    # A configuration is looked up where it is, which may be no subscription of the batch.
    assert [asked(ask)["subscriptions"] for ask in asks] == [[A]] * 4 + [[B]]


@pytest.mark.parametrize(
    ("settings", "scope", "has_effect"),
    [
        (BY_PLATFORM, "InGuestPatch", True),
        ({"patchMode": "automaticbyplatform"}, "inguestpatch", False),
        ({"patchMode": "AutomaticByOS"}, "InGuestPatch", False),
        (None, "InGuestPatch", None),
        (BY_PLATFORM, None, None),
    ],
)
def test_a_schedule_has_effect_only_with_patch_mode_and_bypass_flag(
    settings: Json, scope: str | None, has_effect: bool | None
) -> None:
    found = facts(
        page_of(machine("vm-1", linuxPatching=settings)),
        NONE,
        NONE,
        page_of(assignment(vm_id("vm-1"))),
        scopes(scope),
    )
    assert (found["maintenance_configuration"], found["maintenance_has_effect"]) == (
        CONFIGURATION,
        has_effect,
    )


def test_a_schedule_for_hosts_is_none_for_patches() -> None:
    found = facts(page_of(machine("vm-1")), NONE, NONE, page_of(assignment(vm_id("vm-1"))), scopes("Host"))
    assert (found["maintenance_configuration"], found["maintenance_has_effect"]) == (None, None)


def test_a_dynamic_scope_is_counted_and_attached_to_no_vm() -> None:
    answer = told(page_of(machine("vm-1")), NONE, NONE, page_of(assignment(f"/subscriptions/{A}")), NONE)
    assert answer.dynamic == 1
    assert answer.by_machine[vm_id("vm-1").lower()][2] is None


def test_an_installation_that_has_not_ended_is_none_however_old() -> None:
    found = facts(
        page_of(machine("vm-1")),
        NONE,
        page_of(
            installation("vm-1", "1", status="Failed", startDateTime="2026-11-01T00:00:00Z"),
            installation("vm-1", "2", status="InProgress", startDateTime="2026-11-02T00:00:00Z"),
            installation("vm-1", "3", status="Succeeded", startDateTime="2026-10-31T00:00:00Z"),
        ),
        NONE,
    )
    assert found["last_installation_status"] == "Failed"


def test_a_time_that_cannot_be_is_neither_told_nor_the_newest() -> None:
    found = facts(
        page_of(machine("vm-1")),
        NONE,
        page_of(
            installation("vm-1", "1", status="Failed", lastModifiedDateTime="2099-01-01T00:00:00Z"),
            installation("vm-1", "2", status="Succeeded", startDateTime="2026-11-02T00:00:00Z"),
        ),
        NONE,
    )
    assert (found["last_installation_status"], found["last_installation_at"]) == ("Succeeded", None)


def test_values_of_other_types_count_as_not_told() -> None:
    found = facts(
        page_of(machine("vm-1", windowsPatching={"assessmentMode": 7}, osName=[], image="x")),
        page_of({"id": f"{vm_id('vm-1')}/patchAssessmentResults/latest", "patchServiceUsed": {}}),
        page_of(
            installation(
                "vm-1",
                "1",
                status="Succeeded",
                failedPatchCount=True,
                pendingPatchCount=-1,
                maintenanceWindowExceeded="true",
                rebootStatus=1,
            )
        ),
        NONE,
    )
    assert {name for name, value in found.items() if value is not None} == {
        "facts_read",
        "last_installation_status",
    }


def test_a_table_that_is_refused_leaves_its_facts_unknown_and_the_others_told() -> None:
    answer = told(
        page_of(machine("vm-1", windowsPatching=BY_PLATFORM)),
        refused(403, "AuthorizationFailed"),
        refused(400, "BadRequest"),
        NONE,
    )
    assert answer.refused == {
        "patchassessmentresources": "was denied (403 AuthorizationFailed)",
        "patchinstallationresources": "failed (400 BadRequest)",
    }
    known = dict(zip(NAMES, answer.by_machine[vm_id("vm-1").lower()], strict=True))
    assert known["facts_read"] == "resources, maintenanceresources"
    assert known["periodic_assessment"] is True


def test_without_the_machines_nothing_is_concluded() -> None:
    answer = told(refused(403, "AuthorizationFailed"))
    assert answer.by_machine == {}
    assert answer.refused == {"resources": "was denied (403 AuthorizationFailed)"}


def test_batches_are_bounded_by_their_machines() -> None:
    assert list(batches_of({"a": 4000, "b": 1000, "c": 1, "d": 9000})) == [("a", "b"), ("c",), ("d",)]
    assert [len(batch) for batch in batches_of({str(n): 1 for n in range(301)})] == [300, 1]
    assert list(batches_of({})) == []
