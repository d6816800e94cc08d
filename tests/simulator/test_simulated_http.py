"""The two ways to a simulated cloud: in process, and over HTTP on loopback."""

from __future__ import annotations

from dataclasses import replace

import aiohttp
import orjson
import pytest
from yarl import URL

from fleetscan.model import Fault, Request
from fleetscan.simulator.cloud import Cloud
from fleetscan.simulator.ledger import Ask
from fleetscan.simulator.server import serve
from fleetscan.simulator.transport import SimulatedTransport
from fleetscan.simulator.ways import Way
from tests.simulator.simulated_cloud import BASE, CALM, VERSION, cloud_of, get, start

AUTHORIZATION = {"Authorization": "Bearer secret"}
FAST = replace(CALM, speed=1e6)


def session() -> aiohttp.ClientSession:
    """A plain client that takes header fields of 16 kB."""
    return aiohttp.ClientSession(headers=AUTHORIZATION, max_line_size=16_384, max_field_size=16_384)


async def test_the_in_process_wire_asks_the_cloud_at_the_clocks_time() -> None:
    times = [0.0, 61.0]
    wire = SimulatedTransport(cloud_of(CALM), lambda: times.pop(0))
    request = Request("GET", "https://management.azure.com/subscriptions?api-version=2022-12-01")
    dates = [(await wire.exchange(request)).headers["date"] for _ in range(2)]
    await wire.aclose()
    assert dates == ["Sun, 22 Nov 2026 02:00:00 GMT", "Sun, 22 Nov 2026 02:01:01 GMT"]


async def test_an_assessment_over_http_gives_the_ledgers_result() -> None:
    cloud = cloud_of(FAST)
    machine = next(iter(cloud.fleet))
    async with serve(cloud) as endpoint, session() as http:
        begun = await http.post(f"{endpoint}{machine.resource_id}/assessPatches?api-version=2022-08-01")
        assert (begun.status, await begun.read()) == (202, b"")
        url = begun.headers["Azure-AsyncOperation"]
        assert url.startswith(f"{endpoint}/subscriptions/")
        ended = orjson.loads(await (await http.get(URL(url, encoded=True))).read())
    assert ended["properties"]["output"] == cloud.ledger.result_of(machine.key)


async def test_a_request_target_reaches_the_cloud_byte_for_byte() -> None:
    cloud = cloud_of(FAST)
    machine = next(iter(cloud.fleet))
    async with serve(cloud) as endpoint, session() as http:
        begun = await http.post(f"{endpoint}{machine.resource_id}/assessPatches?api-version=2022-08-01")
        url = begun.headers["Azure-AsyncOperation"]
        # The same URL to anybody who decodes it, and another one byte for byte.
        escaped = url.replace("&h=", "&%68=")
        assert (await http.get(URL(escaped, encoded=True))).status == 403
        assert (await http.get(URL(url, encoded=True))).status == 200


async def test_a_missing_or_wrong_token_is_a_401_with_a_challenge() -> None:
    cloud = cloud_of(replace(CALM, token="secret"))
    headers: list[dict[str, str]] = [
        {},
        {"Authorization": "Basic secret"},
        {"Authorization": "Bearer other"},
        AUTHORIZATION,
    ]
    codes = []
    async with serve(cloud) as endpoint, aiohttp.ClientSession() as http:
        for header in headers:
            reply = await http.get(f"{endpoint}/subscriptions?api-version=2022-12-01", headers=header)
            if reply.status == 401:
                assert reply.headers["WWW-Authenticate"].startswith("Bearer ")
                codes.append(orjson.loads(await reply.read())["error"]["code"])
    assert codes == ["AuthenticationFailed", "AuthenticationFailed", "InvalidAuthenticationToken"]
    assert cloud.ledger.requests[Ask.LIST] == 1


async def test_any_token_will_do_where_the_scenario_names_none() -> None:
    async with serve(cloud_of(CALM)) as endpoint, session() as http:
        assert (await http.get(f"{endpoint}/subscriptions?api-version=2022-12-01")).status == 200


async def test_over_http_replies_are_those_of_the_cloud_itself() -> None:
    url = "/subscriptions?api-version=2022-12-01"
    inside = get(cloud_of(CALM), url)
    async with serve(cloud_of(CALM)) as endpoint, session() as http:
        outside = await http.get(endpoint + url)
        assert await outside.read() == inside.body
    assert {name.lower() for name in outside.headers} - {"server"} == set(inside.headers)


async def test_other_methods_are_a_405() -> None:
    async with serve(cloud_of(CALM)) as endpoint, session() as http:
        refused = await http.delete(f"{endpoint}/subscriptions?api-version=2022-12-01")
        assert refused.status == 405
        assert refused.headers["date"] == "Sun, 22 Nov 2026 02:00:00 GMT"


def cut_short(seed: int, way: Way) -> tuple[Cloud, str] | None:
    """A cloud in which the one machine's first start meets `way`, and that start's path."""
    scenario = replace(FAST, seed=seed, machines=1, faults_pct=100)
    trial = cloud_of(scenario)
    machine = next(iter(trial.fleet))
    start(trial, machine)
    path = f"{machine.resource_id}/assessPatches?{VERSION}"
    return (cloud_of(scenario), path) if trial.ledger.faults[way] else None


def found(way: Way) -> tuple[Cloud, str]:
    """The same, of the first seed that has it."""
    return next(cut for seed in range(1000) if (cut := cut_short(seed, way)) is not None)


@pytest.mark.parametrize(
    ("way", "accepted"), [(Way.NOT_SENT, 0), (Way.RESET_BEFORE, 0), (Way.RESET_AFTER, 1)]
)
async def test_over_http_a_broken_exchange_is_a_broken_connection(way: Way, accepted: int) -> None:
    cloud, path = found(way)
    async with serve(cloud) as endpoint, session() as http:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await http.post(endpoint + path)
    assert cloud.ledger.accepted.total() == accepted


async def test_over_http_a_silence_is_held_and_then_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleetscan.simulator.server.MOST_SILENT_S", 0.05)
    cloud, path = found(Way.STALL_AFTER)
    async with serve(cloud) as endpoint, session() as http:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await http.post(endpoint + path)
    assert cloud.ledger.accepted.total() == 1


async def test_the_in_process_wire_holds_a_silence_on_its_own_clock() -> None:
    cloud, path = found(Way.STALL_BEFORE)
    held: list[float] = []

    async def hold(stall_s: float) -> None:
        held.append(stall_s)

    reply = await SimulatedTransport(cloud, lambda: 0.0, hold).exchange(Request("POST", BASE + path))
    assert reply.fault is Fault.CUT
    assert held == [float(reply.headers["x-simulated-stall-s"])]


async def test_the_port_is_free_again_when_serving_ends() -> None:
    async with serve(cloud_of(CALM)) as endpoint:
        port = int(endpoint.rpartition(":")[2])
    async with serve(cloud_of(CALM), port=port) as again:
        assert again == endpoint
