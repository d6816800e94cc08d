"""The numbers of the progress line: at every moment of a scan they add up to the VMs listed."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from fleetscan.cli.tally import Tally, View
from fleetscan.model import Fault, Outcome, Reason, Reply, Request
from fleetscan.scanner.live import scan_over
from tests.scanner.test_nights import Token
from tests.scanner.test_whole_scans import StopAfter, Transport, cloud_of, settings_for
from tests.virtual_scan import in_virtual_time


class Numbers(Tally):
    """What the line would have said whenever something changed."""

    def __init__(self) -> None:
        super().__init__(0.0)
        self.views: list[View] = []

    def accepted(self) -> None:
        super().accepted()
        self.views.append(self.view(time.monotonic()))

    def ended(self, outcome: Outcome, reason: Reason | None) -> None:
        super().ended(outcome, reason)
        self.views.append(self.view(time.monotonic()))


def sums(view: View) -> int:
    return view.done + view.running + view.to_start


@in_virtual_time
async def test_vms_that_wait_for_another_try_are_still_to_be_started(tmp_path: Path) -> None:
    # Each start breaks twice before it goes through, so that all wait for another try.
    tries: dict[str, int] = {}

    class Refusing(Transport):
        async def exchange(self, request: Request) -> Reply:
            if "assessPatches" in request.url and tries.setdefault(request.url, 0) < 2:
                tries[request.url] += 1
                return Reply(0, fault=Fault.NOT_SENT)
            return await super().exchange(request)

    numbers = Numbers()
    cloud = cloud_of(machines=40, stopped_pct=10.0, speed=100.0)
    await scan_over(Refusing(cloud), settings_for(tmp_path / "run"), hooks=numbers)
    assert {sums(view) for view in numbers.views} == {40}
    stopped = numbers.views[-1].skipped
    # When the first start went through, all others were still to come.
    first = next(view for view in numbers.views if view.running)
    assert (first.running, first.to_start) == (1, 39 - stopped)
    assert (numbers.views[-1].done, numbers.views[-1].running, numbers.views[-1].to_start) == (40, 0, 0)


@in_virtual_time
async def test_a_run_of_another_identity_s_assessments_adds_up_too(tmp_path: Path) -> None:
    cloud = cloud_of(machines=30, stopped_pct=0.0, speed=10.0)
    hooks = StopAfter(rows=1)
    settings = settings_for(tmp_path / "run", drain_s=0.0)
    await (token := Token("t-1")).header()
    await scan_over(Transport(cloud), settings, tokens=token, hooks=hooks, stop=hooks.stop)
    numbers = Numbers()
    again = replace(settings, resume=True)
    summary = await scan_over(Transport(cloud), again, tokens=Token("t-2"), hooks=numbers)
    assert summary.totals["outcomes"]["interrupted"] == 0
    # What the earlier process started is running from the beginning.
    assert min(view.to_start for view in numbers.views) == numbers.views[-1].to_start == 0
    assert {sums(view) for view in numbers.views} == {30}
    assert numbers._running == 0
