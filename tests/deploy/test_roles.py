"""The roles in deploy/ have what scans ask Azure for, and nothing else."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from fleetscan.model import Reply, Request
from fleetscan.settings.declared import Settings
from fleetscan.simulator import Cloud, Scenario
from tests.deploy.files import ROLES
from tests.virtual import EPOCH
from tests.virtual_scan import Clock, scan_in_virtual_time

# Troubled VMs answer so that their instance view is read; other assessments run, and some installations.
FLEET = Scenario(
    machines=12,
    arc_servers=4,
    uniform_scale_sets=2,
    troubled_pct=40.0,
    faults_pct=3.0,
    installing_pct=10.0,
    seed=3,
)
VM = "Microsoft.Compute/virtualMachines"
# A request as Azure's access control knows it: the part of the path that tells, and the operation.
OPERATIONS = {
    r"GET /subscriptions": "Microsoft.Resources/subscriptions/read",
    r"GET .*/providers/Microsoft\.Compute/virtualMachines": "Microsoft.Compute/virtualMachines/read",
    r"GET .*/Microsoft\.Compute/virtualMachines/[^/]+": "Microsoft.Compute/virtualMachines/read",
    r"POST .*/virtualMachines/[^/]+/assessPatches": "Microsoft.Compute/virtualMachines/assessPatches/action",
    r"GET .*/Microsoft\.Compute/locations/[^/]+/operations/[^/]+": (
        "Microsoft.Compute/locations/operations/read"
    ),
    r"GET .*/providers/Microsoft\.HybridCompute/machines": "Microsoft.HybridCompute/machines/read",
    r"POST .*/Microsoft\.HybridCompute/machines/[^/]+/assessPatches": (
        "Microsoft.HybridCompute/machines/assessPatches/action"
    ),
    r"GET .*/Microsoft\.HybridCompute/locations/[^/]+/updateCenterOperationResults/[^/]+": (
        "Microsoft.HybridCompute/locations/updateCenterOperationResults/read"
    ),
}
GRAPH = r"POST /providers/Microsoft\.ResourceGraph/resources"
# Resource Graph shows what the identity may read there, by the type of the rows.
SHOWN = {
    "microsoft.compute/virtualmachines": "Microsoft.Compute/virtualMachines/read",
    "microsoft.compute/virtualmachinescalesets": "Microsoft.Compute/virtualMachineScaleSets/read",
    "microsoft.compute/virtualmachines/patchassessmentresults": (
        "Microsoft.Compute/virtualMachines/patchAssessmentResults/latest/read"
    ),
    "microsoft.compute/virtualmachines/patchassessmentresults/softwarepatches": (
        "Microsoft.Compute/virtualMachines/patchAssessmentResults/latest/softwarePatches/read"
    ),
    "microsoft.compute/virtualmachines/patchinstallationresults": (
        "Microsoft.Compute/virtualMachines/patchInstallationResults/read"
    ),
    "microsoft.hybridcompute/machines": "Microsoft.HybridCompute/machines/read",
    "microsoft.hybridcompute/machines/patchassessmentresults": (
        "Microsoft.HybridCompute/machines/patchAssessmentResults/read"
    ),
    "microsoft.hybridcompute/machines/patchassessmentresults/softwarepatches": (
        "Microsoft.HybridCompute/machines/patchAssessmentResults/softwarePatches/read"
    ),
    "microsoft.hybridcompute/machines/patchinstallationresults": (
        "Microsoft.HybridCompute/machines/patchInstallationResults/read"
    ),
}
TYPE = re.compile(r"'(microsoft\.(?:compute|hybridcompute)/[a-z/]+)'", re.IGNORECASE)
# A query for one machine's rows names its id, not a type.
BELOW = re.compile(
    r"(microsoft\.\w+/(?:virtualmachines|machines))/[^/']+/(patchassessmentresults)/latest", re.I
)


class AskedCloud(Cloud):
    """A cloud that notes which operations it was asked for."""

    asked: set[str]

    def handle(self, request: Request, now: float) -> Reply:
        """The cloud's reply."""
        self.__dict__.setdefault("asked", set()).update(operations(request))
        return super().handle(request, now)


def operations(request: Request) -> set[str]:
    """What an identity has to be allowed for a request; fails for one that is not known here."""
    url = urlsplit(request.url)
    line = f"{request.method} {url.path}"
    if re.fullmatch(GRAPH, line, re.IGNORECASE):
        query = orjson.loads(request.body)["query"]
        types = {each.lower() for each in TYPE.findall(query)}
        types |= {"/".join(each).lower() for each in BELOW.findall(query)}
        assert types, query
        return {SHOWN[each] for each in types}
    [found] = {name for path, name in OPERATIONS.items() if re.fullmatch(path, line, re.IGNORECASE)}
    # Azure's documents do not say whether a VM that is read with its instance view needs this one, too.
    return {found, *({f"{VM}/instanceView/read"} if "instanceView" in url.query else ())}


def asked_for(**settings: Any) -> set[str]:
    """The operations that a scan with these settings needs."""
    cloud = AskedCloud(FLEET, epoch=EPOCH)
    assert scan_in_virtual_time(cloud, Clock(), Settings(**settings)).exit_code in (3, 5)
    return cloud.asked


def actions(number: int) -> set[str]:
    """What a role allows."""
    told = orjson.loads(ROLES[number].read_bytes())
    assert (told["NotActions"], told["DataActions"], told["NotDataActions"]) == ([], [], [])
    assert not [action for action in told["Actions"] if "*" in action]
    assert len(told["Actions"]) == len(set(told["Actions"]))
    return set(told["Actions"])


def test_the_role_allows_what_scans_of_every_way_ask_for_and_nothing_else() -> None:
    asked = asked_for()
    asked |= asked_for(inventory_source="compute")
    asked |= asked_for(max_age_s=86_400.0, with_patches=True)
    # `fleetscan doctor` asks what the identity may do.
    assert asked | {"Microsoft.Authorization/permissions/read"} == actions(0)


def test_the_second_role_is_what_arc_servers_need_besides() -> None:
    asked = asked_for(include_arc=True, with_patches=True, max_age_s=86_400.0)
    asked |= asked_for(include_arc=True, inventory_source="compute")
    assert asked - actions(0) == actions(1)


@pytest.mark.parametrize("number", [0, 1])
def test_a_role_can_change_nothing_but_start_an_assessment(number: int) -> None:
    changing = {action for action in actions(number) if not action.endswith("/read")}
    assert {action.rpartition("/")[0].rpartition("/")[2] for action in changing} == {"assessPatches"}
