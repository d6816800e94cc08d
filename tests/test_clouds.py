"""Azure's clouds: the data is what Microsoft's own packages have, and an endpoint has its cloud's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from azure.core import AzureClouds
from azure.identity import AzureAuthorityHosts
from azure.mgmt.core.tools import get_arm_endpoints

from fleetscan.addresses import Origin
from fleetscan.azure.identity import cloud_at, scope_for
from fleetscan.clouds import CHINA, CLOUDS, PUBLIC, US_GOVERNMENT, AzureCloud
from fleetscan.engine.limits import Account, limits_for
from fleetscan.errors import UsageError
from fleetscan.runs.directory import RUN
from fleetscan.scanner.earlier_place import at_its_endpoint
from fleetscan.scanner.named_run import find_run
from fleetscan.settings.declared import Settings
from tests.scanner.test_nights import Nights
from tests.virtual import EPOCH

EACH = [
    (PUBLIC, AzureClouds.AZURE_PUBLIC_CLOUD, AzureAuthorityHosts.AZURE_PUBLIC_CLOUD),
    (US_GOVERNMENT, AzureClouds.AZURE_US_GOVERNMENT, AzureAuthorityHosts.AZURE_GOVERNMENT),
    (CHINA, AzureClouds.AZURE_CHINA_CLOUD, AzureAuthorityHosts.AZURE_CHINA),
]


@pytest.mark.parametrize(("cloud", "theirs", "authority"), EACH, ids=list(CLOUDS))
def test_a_cloud_is_what_microsoft_s_packages_say(
    cloud: AzureCloud, theirs: AzureClouds, authority: str
) -> None:
    told = get_arm_endpoints(theirs)
    assert (f"{cloud.endpoint}/", [cloud.scope]) == (told["resource_manager"], told["credential_scopes"])
    assert cloud.authority == authority


@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=list(CLOUDS))
def test_a_cloud_and_its_endpoint_mean_the_same(cloud: AzureCloud) -> None:
    assert Settings(cloud=cloud.name).endpoint == cloud.endpoint
    assert Settings(cloud=cloud.name, endpoint=f"{cloud.endpoint}:443").endpoint == f"{cloud.endpoint}:443"
    origin = Origin.of(Settings(endpoint=cloud.endpoint).endpoint)
    assert cloud_at(origin) is cloud
    assert scope_for(origin, None) == cloud.scope


@pytest.mark.parametrize(
    ("endpoint", "scope"),
    [
        ("https://management.local.azurestack.external", "https://management.local.azurestack.external"),
        ("https://arm.example:8443", "https://arm.example:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        # No cloud of Azure's is at another port.
        ("https://management.azure.com:8443", "https://management.azure.com:8443"),
    ],
)
def test_any_other_endpoint_has_the_scope_that_is_said_or_its_own(endpoint: str, scope: str) -> None:
    origin = Origin.of(endpoint)
    assert cloud_at(origin) is None
    assert scope_for(origin, None) == f"{scope}/.default"
    assert scope_for(origin, "api://said/.default") == "api://said/.default"


ENDPOINTS = (
    *(cloud.endpoint for cloud in CLOUDS.values()),
    "https://management.chinacloudapi.cn:8443",
    "https://arm.example",
    "http://127.0.0.1:1",
)


@pytest.mark.parametrize(
    ("cloud", "endpoint"),
    [(cloud, each) for cloud in CLOUDS.values() for each in ENDPOINTS if each != cloud.endpoint],
    ids=lambda each: each.name if isinstance(each, AzureCloud) else None,
)
def test_a_cloud_and_another_endpoint_are_refused(cloud: AzureCloud, endpoint: str) -> None:
    with pytest.raises(UsageError) as caught:
        Settings(cloud=cloud.name, endpoint=endpoint)
    assert caught.value.told() == (
        f"the cloud {cloud.name} is at {cloud.endpoint}, and the endpoint is {endpoint}; "
        "give cloud or endpoint"
    )


def test_sovereign_clouds_count_by_the_hour() -> None:
    for cloud in (US_GOVERNMENT, CHINA):
        reads = limits_for(cloud.host, 1.0).accounts[Account.READS]
        assert (reads.capacity, reads.refill_per_s * 3600) == (12_000.0, 12_000.0)
    assert limits_for(PUBLIC.host, 1.0).accounts[Account.READS].refill_per_s == 25.0
    assert limits_for("arm.example", 1.0) == limits_for(PUBLIC.host, 1.0)


def test_a_cloud_that_was_said_is_where_an_earlier_run_s_vms_are_scanned(tmp_path: Path) -> None:
    nights = Nights(tmp_path)
    run = nights.scan().directory
    again = {"inventory": str(run), "runs": str(nights.runs)}
    assert at_its_endpoint(Settings(**again), "").endpoint == nights.line.endpoint  # type: ignore[arg-type]
    assert at_its_endpoint(Settings(cloud="china", **again), "").endpoint == CHINA.endpoint  # type: ignore[arg-type]


def test_a_run_s_files_do_not_say_which_token_a_resume_asks_for(tmp_path: Path) -> None:
    nights = Nights(tmp_path)
    run = nights.scan().directory
    assert run is not None
    facts = json.loads((run / RUN).read_text())
    facts["settings"] |= {"token_scope": "https://vault.azure.net/.default", "auth": "cli", "tenant": "a"}
    (run / RUN).write_text(json.dumps(facts))
    named = find_run(str(run), None, 72_000.0, EPOCH)
    settings = named.settings(None, {})
    assert (settings.token_scope, settings.auth, settings.tenant) == (None, "cli", "a")
    said = named.settings(None, {"token_scope": "https://arm.example/.default"})
    assert said.token_scope == "https://arm.example/.default"
