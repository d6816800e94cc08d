"""The commands of each file in deploy/, run for two nights: the second learns from the first.

They are taken out of the files and run as they stand, in a directory that stands in for the machine's.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
import pytest
from anyio.from_thread import start_blocking_portal

from fleetscan.simulator import Cloud, Scenario, serve
from tests.deploy import files as deploy
from tests.deploy.files import AZURE, CHECKOUT, GITHUB

LONG_S = 60.0
PROGRAMS = Path(sys.executable).parent
FLEET = Scenario(machines=12, speed=2000.0, limits_speed=0.0, failing_pct=15.0, durations="regular")
COMPLETE = (0, 3)
NOTHING: Mapping[str, str] = {}


@pytest.fixture(scope="module")
def azure() -> Iterator[str]:
    """The endpoint of a simulated Azure that serves every night."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serve(Cloud(FLEET))) as endpoint,
    ):
        yield endpoint


@dataclass(slots=True)
class Machine:
    """A directory in the place of a machine's root; `state` is where commands run."""

    base: Path
    endpoint: str
    more: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        """Where the runs are."""
        return self.base / "var/lib/fleetscan"

    def settings(self, text: str) -> None:
        """Put the file of settings in its place."""
        path = self.base / "etc/fleetscan/nightly.toml"
        path.parent.mkdir(parents=True)
        path.write_text(text)
        self.state.mkdir(parents=True)

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """A path to fleetscan, the simulated Azure, and short waits; nothing of the tests' own."""
        return {
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "HOME": str(self.state),
            "FLEETSCAN_ENDPOINT": self.endpoint,
            "FLEETSCAN_ACCESS_TOKEN": "any",
            "FLEETSCAN_FIRST_POLL": "0.2s",
            "FLEETSCAN_POLL_INTERVAL": "0.5s",
            # A start that a kill leaves without an answer is waited for.
            "FLEETSCAN_UNKNOWN_START_WAIT": "1s",
            **self.more,
            **more,
        }

    def started(self, words: list[str], more: Mapping[str, str] = NOTHING) -> subprocess.Popen[str]:
        """The command, with the machine's places in the place of those that the file names."""
        own = [word.replace("/etc/", f"{self.base}/etc/") for word in words]
        own[0] = own[0].replace("/opt/fleetscan/bin/", f"{PROGRAMS}/")
        return subprocess.Popen(
            own, cwd=self.state, env=self.environment(more), stderr=subprocess.PIPE, encoding="utf-8"
        )

    def run(self, words: list[str]) -> int:
        """The exit code of the command."""
        with self.started(words) as process:
            _, said = process.communicate(timeout=LONG_S)
        assert "Traceback" not in said
        return process.returncode

    def run_script(self, script: str, more: Mapping[str, str], *shell: str) -> None:
        """A step of a pipeline: it must pass."""
        ended = subprocess.run(
            [*shell, "-c", script],
            cwd=self.state,
            env=self.environment(more),
            capture_output=True,
            encoding="utf-8",
            timeout=LONG_S,
            check=False,
        )
        assert ended.returncode == 0, f"{script}\n{ended.stdout}\n{ended.stderr}"

    def output(self, *arguments: str) -> dict[str, Any]:
        """The JSON that a command shows of the runs."""
        command = [str(PROGRAMS / "fleetscan"), *arguments]
        told: dict[str, Any] = orjson.loads(
            subprocess.check_output(command, cwd=self.state, stderr=subprocess.DEVNULL, timeout=LONG_S)
        )
        return told


def assert_two_nights(machine: Machine) -> None:
    """Two complete runs, the second with the first to learn from and to compare with."""
    runs = machine.state / "fleetscan-runs"
    told = {path: orjson.loads((path / "run.json").read_bytes()) for path in runs.glob("2*")}
    first, second = sorted(told, key=lambda path: str(told[path]["started_at"]))
    facts = [told[first], told[second]]
    assert [each["exit_code"] for each in facts] == [3, 3]
    assert facts[1]["settings"]["last_run"] == "fleetscan-runs/latest"
    assert (runs / "latest").resolve() == second.resolve()
    report = machine.output("report", "latest", "--history", "fleetscan-runs/history.db", "--format", "json")
    assert [night["scan_id"] for night in report["trend"]] == [each["scan_id"] for each in facts]
    diff = machine.output("diff", first.name, "latest", "--format", "json")
    assert diff["schema"] == "fleetscan.diff/1"


def nights(machine: Machine, commands: list[list[str]]) -> None:
    """Each command in its order, twice; a scan's is the last."""
    for _ in range(2):
        *before, scan = [machine.run(words) for words in commands]
        assert set(before) <= {0}
        assert scan in COMPLETE
    assert_two_nights(machine)


def nightly() -> str:
    """The settings of the nightly scan."""
    return (CHECKOUT / "configs" / "nightly.toml").read_text()


def test_the_service_of_systemd(azure: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path, azure)
    machine.settings(nightly())
    assert deploy.unit("fleetscan.service")["WorkingDirectory"] == ["%S/fleetscan"]
    nights(machine, deploy.unit_commands())


def test_the_container_by_itself(azure: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path, azure)
    machine.settings(nightly())
    nights(machine, [deploy.container_command()])


def test_the_pod_of_kubernetes_and_the_one_that_prunes(azure: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path, azure)
    machine.settings(deploy.manifest("ConfigMap")["data"]["nightly.toml"])
    nights(machine, deploy.pod_commands())
    [prune] = deploy.pod_of("fleetscan-prune")["containers"]
    assert machine.run(["fleetscan", *prune["args"]]) == 0
    assert_two_nights(machine)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 5)])
def test_the_pod_that_takes_another_s_place_resumes_its_run(
    azure: str, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    machine = Machine(tmp_path, azure)
    machine.settings(deploy.manifest("ConfigMap")["data"]["nightly.toml"])
    [words] = deploy.pod_commands()
    with machine.started(words, {"FLEETSCAN_FIRST_POLL": "10m"}) as process:
        until_accepted(machine.state)
        process.send_signal(number)
        process.communicate(timeout=deploy.pod_of("fleetscan")["terminationGracePeriodSeconds"])
    assert process.returncode == code
    assert machine.run(words) in COMPLETE
    [run] = (machine.state / "fleetscan-runs").glob("2*")
    assert orjson.loads((run / "run.json").read_bytes())["exit_code"] == 3
    accepted = (run / "journal.jsonl").read_text().count('"event":"accepted"')
    assert accepted <= 12


def until_accepted(state: Path, runs: str = "fleetscan-runs/2*") -> None:
    """Wait until an assessment runs in one of the `runs`."""
    until = time.monotonic() + LONG_S
    while time.monotonic() < until:
        for journal in state.glob(f"{runs}/journal.jsonl"):
            if '"event":"accepted"' in journal.read_text():
                return
        time.sleep(0.05)
    raise AssertionError("no start was accepted")


class IdentityTokens(BaseHTTPRequestHandler):
    """GitHub's endpoint of identity tokens: what it was asked for is kept."""

    asked: list[tuple[str, str | None]] = []  # noqa: RUF012 - the handler is made anew for each request

    def do_GET(self) -> None:
        """Hand out a token."""
        self.asked.append((self.path, self.headers["Authorization"]))
        body = b'{"value": "identity-token", "count": 14}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def identity_tokens() -> Iterator[str]:
    """The address of the endpoint."""
    with ThreadingHTTPServer(("127.0.0.1", 0), IdentityTokens) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/token?api-version=2.0"
        server.shutdown()


@pytest.mark.skipif(None in map(shutil.which, ("curl", "jq", "bash")), reason="it needs curl, jq and bash")
def test_the_workflow_of_github(azure: str, tmp_path: Path, identity_tokens: str) -> None:
    machine, summary = Machine(tmp_path / "machine", azure), tmp_path / "summary.md"
    machine.settings("")
    more = {
        "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "identity-token"),
        "ACTIONS_ID_TOKEN_REQUEST_URL": identity_tokens,
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-this-job",
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    for _ in range(2):
        # The cache has the runs alone; the checkout is new.
        shutil.copytree(CHECKOUT / "configs", machine.state / "configs", dirs_exist_ok=True)
        for _, script in deploy.scripts(GITHUB):
            machine.run_script(script, more, "bash", "--noprofile", "--norc", "-eo", "pipefail")
    assert_two_nights(machine)
    assert (machine.state / "report.html").stat().st_size > 10_000
    assert "## Patches" in summary.read_text()
    assert (
        IdentityTokens.asked
        == [("/token?api-version=2.0&audience=api://AzureADTokenExchange", "bearer of-this-job")] * 2
    )
    assert not list(tmp_path.glob("identity-token*"))


@pytest.mark.skipif(shutil.which("bash") is None, reason="it needs bash")
def test_the_pipeline_of_azure_devops(azure: str, tmp_path: Path) -> None:
    machine, workspace = Machine(tmp_path / "machine", azure), tmp_path / "workspace"
    machine.settings("")
    for _ in range(2):
        # What was published last is downloaded, and nothing else is left of the night before.
        shutil.rmtree(machine.state)
        shutil.copytree(CHECKOUT / "configs", machine.state / "configs")
        if (workspace / "kept").exists():
            (workspace / "earlier").mkdir(exist_ok=True)
            (workspace / "kept").rename(workspace / "earlier" / "runs-1")
        for _, script in deploy.scripts(AZURE):
            machine.run_script(script, {"PIPELINE_WORKSPACE": str(workspace)}, "bash", "--norc")
    assert_two_nights(machine)
    assert "## Patches" in (machine.state / "report.md").read_text()
    assert (workspace / "kept" / "runs.tar.gz").exists()
