"""Exchanges with Azure, our own and recorded ones, played back over real HTTP."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from fleetscan.addresses import Origin
from fleetscan.azure.credentials import StaticToken
from fleetscan.azure.transport import Transport
from fleetscan.model import Request
from fleetscan.scanner.live import scan
from fleetscan.settings.declared import Settings
from tests.replay import powershell_recording, proxy_recording, replaying, vcr_recording
from tests.strict_reader import read_run
from tests.whole_assessments import ARC_ASSESSMENTS, WHOLE_ASSESSMENTS


async def test_a_whole_assessment_gives_one_row_for_one_post_and_four_gets(
    exchanges: Path, tmp_path: Path
) -> None:
    recording = proxy_recording(exchanges / "vm-assess-patches.json")
    vm, _, api_version = recording[0].target.partition("/assessPatches?api-version=")
    inventory = tmp_path / "machines.txt"
    inventory.write_text(f"{vm}\n")
    async with replaying(recording) as replay:
        settings = Settings(
            endpoint=replay.endpoint,
            inventory=str(inventory),
            api_version=api_version,
            ignore_busy=True,
            first_poll_s=0.01,
            poll_interval_s=0.01,
            out=str(tmp_path / "run"),
        )
        async with scan(settings, credential="t") as live:
            summary = await live.finish()
    (row,) = read_run(tmp_path / "run").rows
    result = json.loads(recording[-1].body)

    assert summary.exit_code == 0
    assert [method for method, _ in replay.asked] == ["POST", "GET", "GET", "GET", "GET"]
    assert not any("monitor=true" in target for _, target in replay.asked)
    assert (row["outcome"], row["source"]) == ("assessed", "operation")
    assert {name: row[name] for name in WHOLE_ASSESSMENTS[exchanges.name]} == WHOLE_ASSESSMENTS[
        exchanges.name
    ]
    assert row["assessment"] == result


async def test_an_arc_server_is_followed_under_each_new_location_to_its_row(
    exchanges: Path, tmp_path: Path
) -> None:
    recording = powershell_recording(exchanges / "arc-assess-patches.json")
    # The recorder keeps the pause that Azure asks for.
    recording = [replace(each, headers={**each.headers, "Retry-After": "0"}) for each in recording]
    server, _, api_version = recording[0].target.partition("/assessPatches?api-version=")
    inventory = tmp_path / "machines.txt"
    inventory.write_text(f"{server}\n")
    async with replaying(recording) as replay:
        settings = Settings(
            endpoint=replay.endpoint,
            inventory=str(inventory),
            include_arc=True,
            arc_api_version=api_version,
            ignore_busy=True,
            first_poll_s=0.01,
            poll_interval_s=0.01,
            out=str(tmp_path / "run"),
        )
        async with scan(settings, credential="t") as live:
            summary = await live.finish()
    (row,) = read_run(tmp_path / "run").rows

    assert summary.exit_code == 0
    assert replay.asked == [(each.method, each.target) for each in recording[:5]]
    assert (row["kind"], row["outcome"], row["source"]) == ("arc", "assessed", "operation")
    assert (row["operation"]["starts"], row["operation"]["polls"]) == (1, 4)
    expected = ARC_ASSESSMENTS[exchanges.name]
    assert {name: row[name] for name in expected} == expected
    assert row["assessment"] == json.loads(recording[4].body)


async def test_signed_urls_go_back_byte_for_byte(exchanges: Path) -> None:
    recording = vcr_recording(exchanges / "vm-install-patches-signed-urls.json")
    accepted = next(exchange for exchange in recording if exchange.status == 202)
    async with (
        replaying(recording) as replay,
        Transport(
            Origin.of(replay.endpoint), StaticToken("t"), max_in_flight=1, user_agent="fleetscan/test"
        ) as wire,
    ):
        for _ in range(2):
            reply = await wire.exchange(Request("POST", replay.endpoint + accepted.target))
        status_url = reply.headers["azure-asyncoperation"]
        while (polled := json.loads((await wire.exchange(Request("GET", status_url))).body)) is not None:
            if polled["status"] != "InProgress":
                break
    sent = [target for method, target in replay.asked if method == "GET"]
    recorded = next(exchange.target for exchange in recording if exchange.method == "GET")
    assert polled["status"] == "Succeeded"
    assert len(status_url) > 3200
    assert set(sent) == {recorded}
