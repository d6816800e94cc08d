"""One client's one run over one Azure, and everything that was measured of it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.commands import Client, Command, Pace, command
from benchmarks.cpu_watch import CpuWatch, busiest_cores
from benchmarks.process import Cost, Process, RowWatch
from benchmarks.rows import Rows, read_rows
from benchmarks.simulated import Account, Simulated
from fleetscan.simulator.scenario import Scenario

# fleetscan's 3 says that some machines failed, which the rows say too; the others know 0 alone.
FINE = (0, 3)
# A run whose last starts have just been accepted still takes in their replies.
SETTLE_S = 2.0


@dataclass(frozen=True, slots=True)
class Run:
    """What one run came to. MB are 10^6 bytes; what was not measured is None.

    `lost` machines have no result in a run that has ended, or a line without one; `unreached` had no line
    when the run was stopped. `requests` are those answered otherwise than 429, by kind. `span_s` is from the
    first start to the last line, `bound_s` the least it can be. `trouble` says how a run ended that did not
    end well. `in_flight_mb` is the resident size when every start was accepted and nothing had ended, and
    `first_start_cpu_s` the CPU spent when the first was. `busiest_cores` is the CPU a second in the minute
    that took the most, `own_us_a_poll` what a poll takes that waits for its bucket, without its exchange.
    """

    client: str
    machines: int
    results: int
    lost: int
    unreached: int
    cpu_s: float
    wall_s: float
    peak_mb: float
    trouble: str = ""
    requests: Mapping[str, int] | None = None
    throttled: int | None = None
    span_s: float | None = None
    bound_s: float | None = None
    delay_median_s: float | None = None
    delay_p90_s: float | None = None
    delay_p99_s: float | None = None
    busiest_cores: float | None = None
    own_us_a_poll: float | None = None
    first_start_cpu_s: float | None = None
    in_flight_mb: float | None = None


def measure(
    client: Client,
    scenario: Scenario,
    pace: Pace,
    *,
    machines: int,
    cap_s: float,
    keep: Path | None = None,
    port: int = 0,
) -> Run:
    """Run `client` over the first `machines` of a simulated Azure of its own; stop it after `cap_s`.

    The directory of its rows is copied to `keep`, where that is given: a run is more than its rows. The Azure
    serves on `port`; 0 is any.
    """
    with TemporaryDirectory() as name:
        place = Path(name)
        with Simulated(scenario, place, port) as azure:
            inventory = first_of(azure.inventory, machines, place)
            ended = _go(command(client, azure.endpoint, inventory, place, pace), place, cap_s)
        if keep is not None:
            shutil.copytree(ended.watch.path.parent, keep, dirs_exist_ok=True)
        return _told(client, machines, ended, azure.account)


def measure_elsewhere(client: Client, endpoint: str, inventory: Path, pace: Pace, *, cap_s: float) -> Run:
    """Run `client` over an Azure that is not ours and does not tell what it saw."""
    machines = inventory.read_bytes().count(b"\n")
    with TemporaryDirectory() as name:
        place = Path(name)
        ended = _go(command(client, endpoint, inventory, place, pace), place, cap_s)
        return _told(client, machines, ended, Account())


def measure_in_flight(scenario: Scenario, pace: Pace, *, cap_s: float) -> Run:
    """The size of fleetscan while every machine's operation is accepted and none has ended; then stop it."""
    with TemporaryDirectory() as name:
        place = Path(name)
        with Simulated(scenario, place) as azure:
            order = command(Client.FLEETSCAN, azure.endpoint, azure.inventory, place, pace)
            process, watch = Process(order.line, place / "stderr"), RowWatch(order.rows)
            is_accepted = azure.wait_accepted(cap_s)
            process.wait(SETTLE_S, watch.look)
            size_mb = process.memory_mb() if is_accepted else None
            ended = _Ended(watch, process.cost or process.stop(watch.look), was_stopped=True)
        run = _told(Client.FLEETSCAN, scenario.machines, ended, azure.account)
    trouble = "" if is_accepted else f"not all were accepted within {cap_s:g} s"
    return replace(run, unreached=0, in_flight_mb=size_mb, trouble=trouble)


def measure_first_start(client: Client, scenario: Scenario, pace: Pace, *, cap_s: float) -> Run:
    """What a client spent until its starts were accepted, which nothing follows for long; then it is killed.

    fleetscan lists the fleet before.
    """
    with TemporaryDirectory() as name:
        place = Path(name)
        with Simulated(scenario, place) as azure:
            order = command(client, azure.endpoint, azure.inventory, place, pace, is_listing=True)
            process, watch = Process(order.line, place / "stderr"), RowWatch(order.rows)
            is_accepted = azure.wait_accepted(cap_s)
            # What it took until it was killed is told to the microsecond, what a living one took to 10 ms.
            ended = _Ended(watch, process.kill(), was_stopped=True)
        run = _told(client, scenario.machines, ended, azure.account)
    trouble = "" if is_accepted else f"no start was accepted within {cap_s:g} s"
    return replace(run, unreached=0, first_start_cpu_s=run.cpu_s if is_accepted else None, trouble=trouble)


def first_of(inventory: Path, machines: int, place: Path) -> Path:
    """An inventory of the first so many machines of another."""
    short = place / "asked.jsonl"
    with inventory.open("rb") as whole:
        short.write_bytes(b"".join(islice(whole, machines)))
    return short


@dataclass(frozen=True, slots=True)
class _Ended:
    """A client that has run: the file it wrote, what it took, and whether we stopped it."""

    watch: RowWatch
    cost: Cost
    was_stopped: bool
    busiest_cores: float | None = None


def _go(order: Command, place: Path, cap_s: float) -> _Ended:
    process, watch = Process(order.line, place / "stderr"), RowWatch(order.rows)
    cpu = CpuWatch(process.cpu_s)

    def look() -> None:
        watch.look()
        cpu.look(time.monotonic())

    was_stopped = not process.wait(cap_s, look)
    cost = process.cost or process.stop(watch.look)
    return _Ended(watch, cost, was_stopped, busiest_cores(cpu.samples))


def _told(client: Client, machines: int, ended: _Ended, account: Account) -> Run:
    cost, rows = ended.cost, read_rows(ended.watch, account.ends_at)
    missing = machines - rows.results - rows.without
    return Run(
        client=client.value,
        machines=machines,
        results=rows.results,
        lost=rows.without + (0 if ended.was_stopped else missing),
        unreached=missing if ended.was_stopped else 0,
        cpu_s=cost.cpu_s,
        wall_s=cost.wall_s,
        peak_mb=cost.peak_mb,
        trouble=_trouble(ended),
        requests=account.requests,
        throttled=None if account.throttled is None else sum(account.throttled.values()),
        span_s=_span_s(rows, account),
        bound_s=account.bound_s,
        delay_median_s=quantile(rows.delays_s, 0.5),
        delay_p90_s=quantile(rows.delays_s, 0.9),
        delay_p99_s=quantile(rows.delays_s, 0.99),
        busiest_cores=ended.busiest_cores,
    )


def _trouble(ended: _Ended) -> str:
    if ended.was_stopped:
        return f"stopped after {ended.cost.wall_s:.0f} s"
    if ended.cost.exit_code not in FINE:
        return f"exit {ended.cost.exit_code}: {ended.cost.complaint}"
    return ""


def _span_s(rows: Rows, account: Account) -> float | None:
    if rows.last_at is None or account.first_start_at is None:
        return None
    return rows.last_at - account.first_start_at


def quantile(values: Sequence[float], share: float) -> float | None:
    """The value that `share` of the values lie below; None of none."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else None
