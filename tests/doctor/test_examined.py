"""What the doctor finds at a simulated Azure: each thing that would stop a scan. Nothing is started."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from fleetscan.doctor.actions import Duty
from fleetscan.doctor.examine import examine
from fleetscan.errors import StoppedError
from fleetscan.settings.examining import DoctorSettings
from fleetscan.simulator.ledger import Ask
from tests.azure.loopback_server import OK, serving
from tests.azure.test_transport_exchange import self_signed
from tests.doctor.examined import (
    OBJECT_ID,
    cloud_of,
    examined_at,
    failed,
    of,
    statuses,
    token,
)

ALL_CHECKS = [
    "name",
    "connection",
    "token",
    "subscriptions",
    "permissions",
    "resource_graph",
    "quota",
    "clock",
    "directory",
]


async def test_where_nothing_is_wrong_every_check_is_ok_and_nothing_was_started(tmp_path: Path) -> None:
    cloud = cloud_of()
    examined = await examined_at(cloud, str(tmp_path))
    assert {finding.check: finding.status for finding in examined.findings} == dict.fromkeys(ALL_CHECKS, "ok")
    assert [finding.check for finding in examined.findings] == ALL_CHECKS
    assert (examined.vms, examined.has_failed) == (12, False)
    assert cloud.ledger.requests[Ask.START] == 0
    assert cloud.ledger.requests[Ask.POLL] == 0


async def test_it_says_whose_token_it_is_and_when_that_expires(tmp_path: Path) -> None:
    examined = await examined_at(cloud_of(), str(tmp_path), token(name="night-scan"))
    [finding] = of(examined, "token")
    assert finding.what == (
        f"signed in as night-scan (object {OBJECT_ID}, application an-app, tenant a-tenant); "
        "the token expires in 2 h"
    )
    assert examined.identity is not None
    assert examined.identity.principal["tenant_id"] == "a-tenant"
    assert abs((examined.identity.expires_at or 0.0) - time.time() - 7200.0) < 60.0


@pytest.mark.parametrize(
    ("lacking", "action"),
    [
        ("listing", "Microsoft.Compute/virtualMachines/read"),
        ("starting", "Microsoft.Compute/virtualMachines/assessPatches/action"),
        ("polling", "Microsoft.Compute/locations/operations/read"),
    ],
)
async def test_what_a_subscription_s_roles_lack_fails_with_the_command_that_mends_it(
    lacking: str, action: str, tmp_path: Path
) -> None:
    cloud = cloud_of(lacking=lacking, lacking_subscriptions=1)
    last = cloud.fleet.estate.subscriptions[-1]
    examined = await examined_at(cloud, str(tmp_path))
    good, bad = of(examined, "permissions")
    assert (good.status, good.what) == (
        "ok",
        "2 subscriptions: listing, starting and polling are permitted",
    )
    assert (bad.status, bad.what) == ("failed", f"1 subscription: {lacking} is not permitted: {last.name}")
    assert bad.details == (action,)
    assert bad.command == (
        "az role definition create --role-definition deploy/azure-role.json && "
        f"az role assignment create --assignee {OBJECT_ID} --role fleetscan "
        f"--scope /subscriptions/{last.subscription_id}"
    )
    assert failed(examined) == [("permissions", bad.what)]
    assert cloud.ledger.requests[Ask.START] == 0


async def test_each_subscription_s_answer_is_that_of_its_roles_however_they_are_written(
    tmp_path: Path,
) -> None:
    cloud = cloud_of(
        machines=18, subscriptions=6, lacking_subscriptions=2, denied_subscriptions=1, page_size=1
    )
    examined = await examined_at(cloud, str(tmp_path))
    told = {each.subscription.id: [each.permitted[duty] for duty in Duty] for each in examined.access}
    ids = [each.subscription_id for each in cloud.fleet.estate.subscriptions]
    expected = [[True] * 3] * 4 + [[True, False, True], [False] * 3]
    assert told == dict(zip(ids, expected, strict=True))


async def test_arc_servers_are_looked_at_where_a_scan_would_list_them(tmp_path: Path) -> None:
    dials: dict[str, Any] = {"arc_servers": 6, "lacking_subscriptions": 1, "subscriptions": 2}
    examined = await examined_at(cloud_of(**dials), str(tmp_path), include_arc=True)
    assert of(examined, "permissions")[-1].details == (
        "Microsoft.Compute/virtualMachines/assessPatches/action",
        "Microsoft.HybridCompute/machines/assessPatches/action",
    )
    assert examined.vms == 18
    command = str(of(examined, "permissions")[-1].command)
    assert [part.split()[-1] for part in command.split(" && ")[::2]] == [
        "deploy/azure-role.json",
        "deploy/azure-role-arc.json",
    ]
    assert re.findall(r"--role (\S+)", command) == ["fleetscan", "fleetscan-arc"]


async def test_a_scan_of_earlier_assessments_needs_listing_and_resource_graph_alone(tmp_path: Path) -> None:
    dials: dict[str, Any] = {"lacking_subscriptions": 3}
    examined = await examined_at(cloud_of(**dials), str(tmp_path), cached_only=True)
    assert [each.what for each in of(examined, "permissions")] == ["3 subscriptions: listing is permitted"]
    assert not examined.has_failed
    unseen = await examined_at(cloud_of(lacking="listing", **dials), str(tmp_path), cached_only=True)
    assert failed(unseen)[0][0] == "permissions"
    broken = await examined_at(cloud_of(graph="denied"), str(tmp_path), cached_only=True)
    assert [check for check, _ in failed(broken)] == ["resource_graph"]


async def in_groups(tmp_path: Path, *, starting: bool | None) -> tuple[Any, Any]:
    """What is said of a subscription whose groups may start in part, of all or of those that (not) may."""
    dials: dict[str, Any] = {"machines": 120, "subscriptions": 1, "lacking_subscriptions": 1}
    cloud = cloud_of(lacking="starting-in-part", **dials)
    everything = await examined_at(cloud, str(tmp_path))
    [groups] = everything.groups_of.values()
    chosen = {True: groups.starting, False: groups.refusing, None: ()}[starting]
    if not chosen:
        return groups, of(everything, "permissions")[0]
    examined = await examined_at(
        cloud_of(lacking="starting-in-part", **dials), str(tmp_path), resource_group=chosen
    )
    return next(iter(examined.groups_of.values())), of(examined, "permissions")[0]


async def test_groups_whose_own_roles_permit_starts_are_told_from_others(tmp_path: Path) -> None:
    groups, finding = await in_groups(tmp_path, starting=None)
    assert groups.with_vms == len(groups.starting) + len(groups.refusing)
    assert (finding.status, "on some resource groups alone" in finding.what) == ("failed", True)
    assert finding.details[-1].startswith(f"not on: {groups.refusing[0]}")


async def test_a_scan_of_groups_that_permit_starts_needs_no_role_on_the_subscription(tmp_path: Path) -> None:
    groups, finding = await in_groups(tmp_path, starting=True)
    assert groups.is_everywhere
    assert (finding.status, "starting is permitted on resource groups alone" in finding.what) == ("ok", True)


async def test_a_scan_of_groups_that_permit_none_fails(tmp_path: Path) -> None:
    groups, finding = await in_groups(tmp_path, starting=False)
    assert groups.starting == ()
    assert (finding.status, "starting is not permitted" in finding.what) == ("failed", True)


async def test_a_token_s_own_text_never_becomes_a_command(tmp_path: Path) -> None:
    cloud = cloud_of(lacking_subscriptions=1)
    examined = await examined_at(cloud, str(tmp_path), token(oid="x; rm -rf ~ #"))
    assert "--assignee OBJECT_ID --role" in str(of(examined, "permissions")[-1].command)


async def test_only_what_is_selected_is_looked_at(tmp_path: Path) -> None:
    cloud = cloud_of(lacking_subscriptions=1)
    name = cloud.fleet.estate.subscriptions[0].name
    examined = await examined_at(cloud, str(tmp_path), subscription=(name,))
    assert [each.subscription.name for each in examined.access] == [name]
    assert not examined.has_failed
    other = await examined_at(cloud_of(lacking_subscriptions=1), str(tmp_path), exclude_subscription=(name,))
    assert len(other.access) == 2


async def test_a_subscription_that_is_not_seen_fails(tmp_path: Path) -> None:
    examined = await examined_at(cloud_of(), str(tmp_path), subscription=("Nosuch",))
    [(check, what)] = failed(examined)
    assert (check, examined.access) == ("subscriptions", ())
    assert what.startswith("a subscription named 'Nosuch' is not among the subscriptions")


async def test_a_management_group_that_cannot_be_read_fails_as_the_selection(tmp_path: Path) -> None:
    examined = await examined_at(cloud_of(), str(tmp_path), management_group=("nosuch",))
    assert [check for check, _ in failed(examined)] == ["subscriptions"]


async def test_the_subscriptions_of_an_inventory_file_are_looked_at(tmp_path: Path) -> None:
    cloud = cloud_of()
    first = next(iter(cloud.fleet))
    file = tmp_path / "vms.txt"
    file.write_text(f"{first.resource_id}\n")
    examined = await examined_at(cloud, str(tmp_path / "out"), inventory=str(file))
    assert [each.subscription.id for each in examined.access] == [first.subscription.subscription_id]
    assert examined.vms == 1


@pytest.mark.parametrize(("source", "status"), [("auto", "warning"), ("resource-graph", "failed")])
async def test_without_resource_graph_a_scan_lists_in_another_way_where_it_may(
    source: str, status: str, tmp_path: Path
) -> None:
    examined = await examined_at(cloud_of(graph="denied"), str(tmp_path), inventory_source=source)
    [finding] = of(examined, "resource_graph")
    assert (finding.status, finding.what) == (status, "Resource Graph was denied (403 AuthorizationFailed)")
    assert (examined.vms, statuses(examined)["permissions"]) == (None, "ok")


@pytest.mark.parametrize(
    ("behind_s", "status", "what"),
    [
        (0.0, "ok", "this computer's clock agrees with Azure's"),
        (60.0, "warning", r"this computer's clock is (59|60|61) s behind Azure's"),
        (400.0, "failed", r"this computer's clock is (399|400|401) s behind Azure's"),
    ],
)
async def test_a_clock_behind_azure_s_is_told(
    behind_s: float, status: str, what: str, tmp_path: Path
) -> None:
    examined = await examined_at(cloud_of(clock_skew_s=behind_s), str(tmp_path))
    [finding] = of(examined, "clock")
    assert finding.status == status
    assert re.fullmatch(what, finding.what)
    assert examined.has_failed is (status == "failed")


async def test_a_clock_ahead_of_azure_s_is_told(tmp_path: Path) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1000.0)
    [finding] = of(await examined_at(cloud_of(epoch=past), str(tmp_path)), "clock")
    assert finding.status == "failed"
    assert finding.what.endswith("s ahead of Azure's")


async def test_a_token_that_azure_refuses_fails_and_the_network_is_fine(tmp_path: Path) -> None:
    examined = await examined_at(cloud_of(token="another"), str(tmp_path))
    [(check, what)] = failed(examined)
    assert check == "token"
    assert what.startswith("Azure refuses the token in the token given as credential (401)")
    assert statuses(examined)["connection"] == "ok"
    assert statuses(examined)["directory"] == "ok"
    assert examined.access == ()


class Refusing:
    """A credential that has no token, and says why."""

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        raise ClientAuthenticationError("AADSTS7000222: the client secret keys are expired")

    async def close(self) -> None:
        """Nothing is open."""


async def test_without_a_token_the_rest_is_still_told(tmp_path: Path) -> None:
    examined = await examined_at(cloud_of(), str(tmp_path), Refusing())
    [finding] = of(examined, "token")
    assert finding.status == "failed"
    assert "AADSTS7000222" in finding.details[0]
    assert list(statuses(examined)) == [
        *("name", "connection", "token", "clock", "directory"),
        *("subscriptions", "permissions", "resource_graph", "quota"),
    ]
    assert {each.what for each in examined.findings if each.status == "not_checked"} == {
        "not checked: there is no token that Azure takes"
    }


def unknown(*_: Any, **__: Any) -> Any:
    """No name server knows a name."""
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


async def nowhere(tmp_path: Path, endpoint: str, proxy: str | None = None) -> Any:
    """What is found at an endpoint where no Azure is."""
    settings = DoctorSettings(endpoint=endpoint, out=str(tmp_path), proxy=proxy)
    return await examine(settings, token(), runs="unused", stop=anyio.Event())


async def test_a_port_that_nothing_listens_on_fails_and_nothing_more_is_asked(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        examined = await nowhere(tmp_path, f"https://127.0.0.1:{port}")
    [(check, what)] = failed(examined)
    assert (check, what.startswith(f"no connection to 127.0.0.1:{port}:")) == ("connection", True)
    assert statuses(examined) == {
        "name": "ok",
        "connection": "failed",
        "token": "not_checked",
        "directory": "ok",
        **dict.fromkeys(("clock", "subscriptions", "permissions", "resource_graph", "quota"), "not_checked"),
    }
    assert of(examined, "token")[0].what.startswith(
        "a token is there, not checked: the endpoint could not be reached; of object "
    )


async def test_a_server_that_speaks_no_tls_fails(tmp_path: Path) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        examined = await nowhere(tmp_path, f"https://127.0.0.1:{port}")
    assert [check for check, _ in failed(examined)] == ["connection"]


async def test_a_certificate_that_is_not_trusted_fails_with_how_to_trust_one(tmp_path: Path) -> None:
    async with serving(OK, tls=self_signed(tmp_path)) as server:
        examined = await nowhere(tmp_path, f"https://127.0.0.1:{server.port}")
        assert server.requests == []
    [(check, what)] = failed(examined)
    assert (check, "certificate" in what) == ("connection", True)
    assert "SSL_CERT_FILE" in str(of(examined, "connection")[0].remedy)


async def test_a_proxy_that_is_not_there_fails_as_the_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{taken.getsockname()[1]}"
        examined = await nowhere(tmp_path, "https://127.0.0.1:1", proxy=proxy)
    [(check, what)] = failed(examined)
    assert (check, "proxy" in what) == ("connection", True)
    assert "HTTPS_PROXY" in str(of(examined, "connection")[0].remedy)


async def test_a_name_that_is_not_known_fails_with_its_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    examined = await nowhere(tmp_path, "https://management.azure.test")
    assert [check for check, _ in failed(examined)] == ["name", "connection"]
    assert of(examined, "name")[0].what == (
        "management.azure.test is not known here: Name or service not known"
    )


async def test_a_stop_ends_it(tmp_path: Path) -> None:
    stop = anyio.Event()
    stop.set()
    settings = DoctorSettings(endpoint="http://127.0.0.1:1", out=str(tmp_path))
    with pytest.raises(StoppedError):
        await examine(settings, token(), runs="unused", stop=stop)


async def test_faults_on_the_way_are_waited_out(tmp_path: Path) -> None:
    cloud = cloud_of(faults_pct=20.0, seed=3)
    examined = await examined_at(cloud, str(tmp_path))
    assert all(each.permitted[Duty.POLL] is not False for each in examined.access)
    assert cloud.ledger.requests[Ask.START] == 0


async def test_few_requests_that_are_left_are_a_warning(tmp_path: Path) -> None:
    examined = await examined_at(cloud_of(limits_speed=0.02, subscriptions=1), str(tmp_path))
    [finding] = of(examined, "quota")
    assert finding.status == "warning"
    assert finding.what.startswith("few requests are left: ")
