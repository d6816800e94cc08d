"""A scan as a Python program runs it, over HTTP: its rows, its ends, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from azure.core.credentials import AccessToken

import fleetscan
from fleetscan.errors import CredentialError, StoppedError, UsageError
from fleetscan.runs import disk
from fleetscan.scanner.live import LiveScan
from fleetscan.scanner.row_buffer import ROOM
from fleetscan.simulator import Cloud, Scenario, serve
from tests.strict_reader import ROW, read_run

CLIENT = Path(__file__).with_name("client.py")
TOKEN = "sesame"
# A second in life are some minutes here: assessments end in tenths of a second.
FAST = {"speed": 1000.0, "limits_speed": 0.0, "stopped_pct": 0.0, "failing_pct": 0.0}


@asynccontextmanager
async def azure(machines: int = 7, **more: Any) -> AsyncIterator[tuple[Cloud, str]]:
    """A served cloud and its endpoint."""
    cloud = Cloud(Scenario(machines=machines, **(FAST | {"token": TOKEN} | more)))
    async with serve(cloud) as endpoint:
        yield cloud, endpoint


def settings_for(endpoint: str, **more: Any) -> fleetscan.Settings:
    return fleetscan.Settings(endpoint=endpoint, **({"first_poll_s": 0.2, "poll_interval_s": 0.2} | more))


@contextmanager
def nothing_left_behind() -> Iterator[None]:
    """No socket, thread or task outlives the block."""

    def left() -> tuple[set[str], set[asyncio.Task[Any]], int]:
        gc.collect()
        threads = {thread.name for thread in threading.enumerate()}
        return threads, asyncio.all_tasks(), len(os.listdir("/proc/self/fd"))

    before = left()
    yield
    assert left() == before


async def test_each_vm_s_row_comes_as_it_stands_in_the_contract_and_the_summary_after_them() -> None:
    async with azure(machines=12) as (cloud, endpoint):
        with nothing_left_behind():
            async with fleetscan.scan(settings_for(endpoint), credential=TOKEN) as live:
                rows = [row async for row in live]
    for row in rows:
        ROW.validate(dict(row))
    assert {row["resource_id"].lower() for row in rows} == {machine.key for machine in cloud.fleet}
    summary = live.summary
    assert (summary.exit_code, summary.stopped_by, summary.directory) == (0, None, None)
    assert (summary.totals["listed"], summary.totals["coverage_pct"]) == (12, 100.0)


async def test_settings_that_name_no_place_keep_nothing_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (fleetscan.Settings().out, fleetscan.Settings().runs) == (None, None)
    async with azure() as (_, endpoint), fleetscan.scan(settings_for(endpoint), credential=TOKEN) as live:
        assert (await live.finish()).exit_code == 0
    assert os.listdir(tmp_path) == []


async def test_a_run_kept_on_disk_is_read_with_the_rows_that_were_handed_over(tmp_path: Path) -> None:
    async with azure() as (_, endpoint):
        settings = settings_for(endpoint, out=str(tmp_path / "run"))
        async with fleetscan.scan(settings, credential=TOKEN) as live:
            rows = [row async for row in live]
    run = fleetscan.open_run(tmp_path / "run")
    assert list(run.rows()) == rows
    assert (run.is_complete, run.totals()) == (True, live.summary.totals)


async def test_the_variable_s_token_is_used_where_no_credential_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLEETSCAN_ACCESS_TOKEN", f" {TOKEN}\n")
    async with azure() as (_, endpoint), fleetscan.scan(settings_for(endpoint)) as live:
        assert (await live.finish()).totals["outcomes"]["assessed"] == 7


async def ended(settings: fleetscan.Settings, credential: Any = TOKEN) -> int:
    """The exit code of a scan that is let run to its end."""
    async with fleetscan.scan(settings, credential=credential) as live:
        return (await live.finish()).exit_code


@pytest.mark.parametrize("token", ["Bearer x", "", "x\ny"])
async def test_a_token_that_cannot_be_one_is_the_error_of_exit_code_4(token: str) -> None:
    with pytest.raises(CredentialError, match="the token given as credential is not a valid") as raised:
        await ended(settings_for("http://127.0.0.1:1"), token)
    assert raised.value.exit_code == 4


class Borrowed:
    """A program's own credential, as azure-identity's async ones are."""

    def __init__(self) -> None:
        self.scopes: list[str] = []
        self.is_closed = False

    async def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        enable_cae: bool = False,
        **kwargs: Any,
    ) -> AccessToken:
        self.scopes.extend(scopes)
        return AccessToken(TOKEN, int(time.time()) + 3600)

    async def close(self) -> None:
        self.is_closed = True

    async def __aenter__(self) -> Borrowed:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()


async def test_a_borrowed_credential_is_asked_once_and_not_closed() -> None:
    credential = Borrowed()
    async with azure() as (_, endpoint):
        assert await ended(settings_for(endpoint), credential) == 0
    assert (credential.scopes, credential.is_closed) == ([f"{endpoint}/.default"], False)


async def test_a_credential_that_is_not_async_is_refused_in_a_sentence() -> None:
    class Sync:
        def get_token(self, *scopes: str, **options: Any) -> AccessToken:
            return AccessToken(TOKEN, 0)

    with pytest.raises(CredentialError, match="the credential is not an async one; take one from azure"):
        await ended(settings_for("http://127.0.0.1:1"), Sync())


async def test_a_block_left_early_takes_in_what_runs_and_starts_nothing_more(tmp_path: Path) -> None:
    out = tmp_path / "run"
    async with azure(machines=80, subscriptions=1, regions=1, limits_speed=0.1) as (cloud, endpoint):
        # A tenth of the limits: twenty start at once, and the others would take a minute. So would Resource
        # Graph's second answer, of running installations, take seconds.
        settings = settings_for(endpoint, out=str(out), drain_s=9.0, first_poll_s=0.6, ignore_busy=True)
        with nothing_left_behind():
            async with fleetscan.scan(settings, credential=TOKEN) as live:
                async for _ in live:
                    break
        summary = live.summary
        started = cloud.ledger.accepted.total()
    assert summary.exit_code == 5
    assert isinstance(summary.stopped_by, StoppedError)
    assert summary.totals["outcomes"]["interrupted"] > 0
    assert summary.totals["outcomes"]["assessed"] == started
    assert len(read_run(out).rows) == started


async def broken_at(live: LiveScan) -> float:
    """When the block of a scan broke, at its first row, on the clock that says when it was over."""
    at = 0.0
    try:
        async with live:
            async for _ in live:
                at = time.monotonic()
                raise ZeroDivisionError
    except ZeroDivisionError:
        return at
    raise AssertionError("the exception went nowhere")


async def test_an_exception_in_the_block_ends_it_within_a_second_and_keeps_what_was_written(
    tmp_path: Path,
) -> None:
    out = tmp_path / "run"
    async with azure(machines=200, speed=30.0) as (_, endpoint):
        settings = settings_for(endpoint, out=str(out), drain_s=600.0)
        live = fleetscan.scan(settings, credential=TOKEN)
        with nothing_left_behind():
            assert time.monotonic() - await broken_at(live) < 1.0
    run = read_run(out)
    assert len(run.rows) >= 1
    assert run.facts["exit_code"] == 5
    assert fleetscan.open_run(out).incomplete == [
        f"the run was stopped: {200 - len(run.rows)} VMs have no row"
    ]
    with pytest.raises(RuntimeError, match="the scan was cancelled"):
        _ = live.summary


async def test_a_task_that_is_cancelled_ends_its_scan_within_a_second(tmp_path: Path) -> None:
    async with azure(machines=200, speed=10.0) as (_, endpoint):
        settings = settings_for(endpoint, out=str(tmp_path / "run"))

        async def job() -> None:
            async with fleetscan.scan(settings, credential=TOKEN) as live:
                await live.finish()

        with nothing_left_behind():
            task = asyncio.create_task(job())
            await asyncio.sleep(0.5)
            cancelled_at = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert time.monotonic() - cancelled_at < 1.0
            del task
    assert read_run(tmp_path / "run").facts["exit_code"] == 5


async def test_a_caller_that_is_slow_holds_requests_up_and_not_its_memory() -> None:
    machines = ROOM * 3
    async with azure(machines=machines, speed=100_000.0, patches=1) as (cloud, endpoint):
        settings = settings_for(endpoint, first_poll_s=0.001, poll_interval_s=0.001)
        async with fleetscan.scan(settings, credential=TOKEN) as live:
            await anext(live)
            for _ in range(100):
                before = cloud.ledger.accepted.total()
                await asyncio.sleep(0.1)
                if cloud.ledger.accepted.total() == before:
                    break
            assert before < machines
            rows = 1 + len([row async for row in live])
    assert (rows, live.summary.exit_code) == (machines, 0)


class Counting(fleetscan.Hooks):
    """Counts replies by kind and status, and rows."""

    def __init__(self) -> None:
        self.replies: dict[tuple[fleetscan.RequestKind, int], int] = {}
        self.slowest_s = 0.0
        self.rows = 0

    def answered(self, kind: fleetscan.RequestKind, status: int, seconds: float) -> None:
        self.replies[kind, status] = self.replies.get((kind, status), 0) + 1
        self.slowest_s = max(self.slowest_s, seconds)

    def row(self, row: fleetscan.Row) -> None:
        self.rows += 1


async def test_hooks_hear_each_reply_and_each_row() -> None:
    hooks = Counting()
    async with (
        azure() as (_, endpoint),
        fleetscan.scan(settings_for(endpoint), credential=TOKEN, hooks=hooks) as live,
    ):
        totals = (await live.finish()).totals
    assert hooks.rows == 7
    assert hooks.replies[fleetscan.RequestKind.START, 202] == 7
    assert sum(hooks.replies.values()) == sum(
        totals["requests"][kind] for kind in ("list", "start", "poll", "other")
    )
    assert 0.0 < hooks.slowest_s < 10.0


async def at_its_end(settings: fleetscan.Settings) -> None:
    """A scan whose caller waits for its end and takes neither rows nor summary."""
    async with fleetscan.scan(settings, credential=TOKEN) as live:
        while not live.has_ended:  # noqa: ASYNC110 - as a caller may do it
            await asyncio.sleep(0.01)


async def test_what_keeps_a_scan_from_beginning_is_raised_by_the_block_as_it_is() -> None:
    async with azure() as (_, endpoint):
        settings = settings_for(endpoint, subscription=("3f8c0d5e-0000-4000-8000-000000000000",))
        with pytest.raises(fleetscan.NothingListedError) as raised:
            await ended(settings)
        with pytest.raises(fleetscan.NothingListedError):
            await at_its_end(settings)
    assert raised.value.exit_code == 4
    with pytest.raises(UsageError, match="writes no rows to standard output"):
        await ended(fleetscan.Settings(out="-"))


class Breaking(fleetscan.Hooks):
    """Raises in the hook of that name, at its fifth call: four requests list."""

    def __init__(self, name: str) -> None:
        self.calls = 0
        setattr(self, name, self.broken)

    def broken(self, *told: object) -> None:
        self.calls += 1
        if self.calls == 5:
            raise ZeroDivisionError("the hook's own mistake")


@pytest.mark.parametrize("name", ["row", "ended", "sent", "answered", "accepted"])
async def test_a_hook_that_raises_ends_the_scan_with_its_own_exception_and_spoils_no_row(
    name: str, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    async with azure(machines=12) as (_, endpoint):
        settings = settings_for(endpoint, out=str(out))
        with nothing_left_behind():
            live = fleetscan.scan(settings, credential=TOKEN, hooks=Breaking(name))
            with pytest.raises(ZeroDivisionError, match="the hook's own mistake"):
                await taken(live)
        assert len(read_run(out).rows) == len(read_run(out).by_id)
        assert read_run(out).facts["exit_code"] == 5
        again = settings_for(endpoint, out=str(out), resume=True)
        assert await ended(again) == 0
    assert len(read_run(out).rows) == 12


async def taken(live: LiveScan) -> list[fleetscan.Row]:
    """All rows of a scan."""
    async with live:
        return [row async for row in live]


async def test_what_ends_a_scan_early_is_raised_after_its_last_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = disk.write_whole

    def full_at_the_fifth(fd: int, data: bytes) -> None:
        rows.extend([data] * data.startswith(b'{"schema":"fleetscan.result/1"'))
        if len(rows) == 5 and data is rows[-1]:
            raise OSError(28, "No space left on device")
        written(fd, data)

    rows: list[bytes] = []
    monkeypatch.setattr(disk, "write_whole", full_at_the_fifth)
    async with azure(machines=12) as (_, endpoint):
        live = fleetscan.scan(settings_for(endpoint, out=str(tmp_path / "run")), credential=TOKEN)
        with pytest.raises(fleetscan.OutputError, match=r"results\.jsonl cannot be written any more"):
            await taken(live)
    assert (live.summary.exit_code, len(read_run(tmp_path / "run").rows)) == (5, 4)


async def test_a_deadline_that_was_asked_for_raises_nothing() -> None:
    async with azure(machines=40, speed=1.0) as (_, endpoint):
        live = fleetscan.scan(settings_for(endpoint, deadline_s=0.3, drain_s=0.0), credential=TOKEN)
        assert await taken(live) == []
    assert live.summary.exit_code == 5


async def test_a_scan_is_used_as_a_block_and_once() -> None:
    settings = settings_for("http://127.0.0.1:1")
    live = fleetscan.scan(settings, credential=TOKEN)
    with pytest.raises(RuntimeError, match="use it as `async with"):
        await anext(live)
    with pytest.raises(RuntimeError, match="use it as `async with"):
        await live.finish()
    async with azure() as (_, endpoint):
        live = fleetscan.scan(settings_for(endpoint), credential=TOKEN)
        await taken(live)
        with pytest.raises(RuntimeError, match="a scan is used once"):
            await taken(live)


async def test_whatever_a_borrowed_credential_raises_is_a_missing_sign_in() -> None:
    class Odd(Borrowed):
        async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
            raise LookupError("no such account")

    with pytest.raises(CredentialError, match=r"(?s)^not signed in to Azure.*no such account"):
        await ended(settings_for("http://127.0.0.1:1"), Odd())


async def test_a_plan_comes_as_the_contract_has_it() -> None:
    async with azure(machines=40) as (_, endpoint):
        with nothing_left_behind():
            plan = await fleetscan.plan(settings_for(endpoint), credential=TOKEN)
    assert (plan["schema"], plan["listed"], plan["predicted"]["starts"]) == ("fleetscan.plan/1", 40, 40)


async def test_twelve_lines_are_a_client() -> None:
    async with azure() as (_, endpoint):
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, str(CLIENT), endpoint],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"FLEETSCAN_ACCESS_TOKEN": TOKEN},
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 7


class Silent:
    """A credential whose identity service never answers."""

    async def get_token(self, *scopes: str, **options: object) -> None:
        await anyio.sleep_forever()


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize(("deadline_s", "why"), [(0.2, "the deadline passed"), (None, "stopped before")])
async def test_the_deadline_and_a_stop_hold_while_a_token_is_waited_for(
    tmp_path: Path, resume: bool, deadline_s: float | None, why: str
) -> None:
    settings = fleetscan.Settings(runs=str(tmp_path), resume=resume, deadline_s=deadline_s)
    credential: Any = Silent()

    async def go() -> None:
        async with fleetscan.scan(settings, credential=credential) as live:
            if deadline_s is None:
                live.stop()
            await live.finish()

    with anyio.fail_after(5.0), pytest.raises(StoppedError, match=why):
        await go()


async def test_a_run_that_a_block_left_early_is_resumed_by_its_directory_alone(tmp_path: Path) -> None:
    async with azure(machines=12, speed=300.0, durations="regular") as (cloud, endpoint):
        settings = settings_for(endpoint, runs=str(tmp_path / "runs"), drain_s=0.1, group_by=("tag:owner",))
        started = asyncio.Event()

        class Watch(fleetscan.Hooks):
            def accepted(self) -> None:
                started.set()

        async with fleetscan.scan(settings, credential=TOKEN, hooks=Watch()) as live:
            at_first = live.directory
            await started.wait()
        stopped = live.summary
        assert at_first is None
        assert stopped.running + stopped.not_started == stopped.totals["outcomes"]["interrupted"] > 0
        assert live.directory == stopped.directory is not None
        with nothing_left_behind():
            async with fleetscan.resume(stopped.directory, credential=TOKEN, drain_s=9.0) as live:
                assert len([row async for row in live]) == 12
        assert (live.summary.exit_code, live.directory) == (0, stopped.directory)
        with pytest.raises(UsageError, match="there is no unfinished run in "):
            fleetscan.resume(runs=tmp_path / "runs")
        with pytest.raises(
            UsageError, match="no run was named; name its directory, or that of all runs with runs"
        ):
            fleetscan.resume()
    assert set(cloud.ledger.starts.values()) == {1}
    assert [each.name for each in (tmp_path / "runs").iterdir() if each.is_symlink()] == ["latest"]
