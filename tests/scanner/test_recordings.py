"""Recorded traffic of a real Azure, played back over real HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fleetscan.addresses import Origin
from fleetscan.azure.credentials import StaticToken
from fleetscan.azure.transport import Transport
from fleetscan.model import Request
from fleetscan.scanner.live import scan
from fleetscan.settings.declared import Settings
from tests.replay import proxy_recording, replaying, vcr_recording
from tests.strict_reader import read_run

VM = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/go-sdk-test-rg"
    "/providers/Microsoft.Compute/virtualMachines/vmnameDQYW7Q"
)


async def test_the_recorded_assessment_gives_one_row_for_one_post_and_four_gets(
    recordings: Path, tmp_path: Path
) -> None:
    recording = proxy_recording(recordings / "vm-assess-patches.json")
    inventory = tmp_path / "machines.txt"
    inventory.write_text(f"{VM}\n")
    async with replaying(recording) as replay:
        settings = Settings(
            endpoint=replay.endpoint,
            inventory=str(inventory),
            api_version="2023-03-01",
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
    assert (row["outcome"], row["status"], row["source"]) == ("assessed", "Succeeded", "operation")
    assert (row["critical_and_security_count"], row["other_count"], row["reboot_pending"]) == (0, 4, False)
    assert (row["patch_count"], row["patches_complete"]) == (4, True)
    assert row["assessment"] == result
    assert row["assessed_at"] == "2023-02-22T04:03:05.519230Z"
    assert row["operation"]["started_at"] == "2023-02-22T04:01:54.394730Z"
    assert row["operation"]["duration_s"] == pytest.approx(71.1, abs=0.1)
    assert (row["operation"]["starts"], row["operation"]["polls"]) == (1, 4)


async def test_signed_urls_go_back_byte_for_byte(recordings: Path) -> None:
    recording = vcr_recording(recordings / "vm-install-patches-signed-urls.json")
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
