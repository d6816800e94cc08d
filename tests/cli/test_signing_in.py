"""Scans of a simulated Azure by the command line, signed in with each credential, and what never gets out."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from fleetscan.model import Reply
from fleetscan.simulator import Cloud, Scenario, serve
from tests.azure.sign_in_service import (
    ASSERTION,
    DOWN,
    HEADER,
    SECRET,
    WRONG_SECRET,
    SignInService,
    on_loopback,
    test_ca,
)
from tests.azure.test_real_credentials import az_that_signs_in, set_up
from tests.cli.processes import CHECKOUT, LONG_S

NAMES = {
    "default": {"AZURE_AUTHORITY_HOST", "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"},
    "service-principal": {
        "AZURE_AUTHORITY_HOST",
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
    },
    "workload-identity": {
        "AZURE_AUTHORITY_HOST",
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_ID",
        "AZURE_FEDERATED_TOKEN_FILE",
    },
    "managed-identity": {"IDENTITY_ENDPOINT", "IDENTITY_HEADER"},
}


class CheckedCloud(Cloud):
    """A simulated Azure that takes the tokens of `service` alone, and each for as long as it lives."""

    def __init__(self, service: SignInService | None, scenario: Scenario) -> None:
        super().__init__(scenario)
        self._service = service
        self.refused = 0

    def refuse_token(self, authorization: str | None, now: float) -> Reply | None:
        """See Cloud."""
        if self._service is None or self._service.is_good(authorization or ""):
            return super().refuse_token(authorization, now)
        self.refused += 1
        return super().refuse_token(None, now)


def fleet(service: SignInService | None, speed: float = 120.0) -> CheckedCloud:
    """Thirty VMs that can all be assessed."""
    none = {"stopped_pct": 0.0, "failing_pct": 0.0, "stuck_pct": 0.0, "long_pct": 0.0}
    return CheckedCloud(service, Scenario(machines=30, patches=1, speed=speed, **none))  # type: ignore[arg-type]


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[tuple[SignInService, dict[str, str]]]:
    """A sign-in service, and the variables of all credentials that speak HTTP."""
    tls, bundle = test_ca(tmp_path)
    made = SignInService(time.time)
    async with on_loopback(made, tls) as authority, on_loopback(made) as managed:
        variables = set_up(tmp_path, authority, f"{managed}/msi/token")
        yield made, {**variables, "SSL_CERT_FILE": str(bundle)}


async def fleetscan(environment: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, data and words of a process with nothing else in its environment."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "fleetscan",
        *arguments,
        cwd=CHECKOUT,
        env=dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    data, words = await asyncio.wait_for(process.communicate(), LONG_S)
    return process.returncode or 0, data.decode(), words.decode()


def scanning(endpoint: str, out: Path, auth: str) -> tuple[str, ...]:
    """The command line of a scan."""
    pace = "--first-poll", "0.5s", "--poll-interval", "1s"
    return "scan", "--endpoint", endpoint, "--out", str(out), "--auth", auth, *pace


@pytest.mark.parametrize("auth", list(NAMES))
async def test_a_scan_outlives_tokens_of_a_second_and_shows_no_secret(
    tmp_path: Path, service: tuple[SignInService, dict[str, str]], auth: str
) -> None:
    signing, variables = service
    signing.life_s = 1.0
    environment = {name: variables[name] for name in {*NAMES[auth], "SSL_CERT_FILE"}}
    out = tmp_path / "run"
    async with serve(fleet(signing)) as endpoint:
        code, data, words = await fleetscan(environment, *scanning(endpoint, out, auth))
    assert code == 0, words
    totals = json.loads((out / "totals.jsonl").read_text().splitlines()[0])
    assert totals["outcomes"]["assessed"] == 30
    assert len(signing.issued) >= 3
    kept = "".join(path.read_text() for path in sorted(out.iterdir()) if path.is_file())
    for secret in (SECRET, HEADER, ASSERTION, *signing.issued):
        assert secret not in kept + data + words


async def test_an_az_that_is_slow_does_not_stop_a_scan(tmp_path: Path) -> None:
    notes = az_that_signs_in(tmp_path, life_s=3.0, slow_s=1.2)
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    out = tmp_path / "run"
    async with serve(fleet(None)) as endpoint:
        code, _, words = await fleetscan(environment, *scanning(endpoint, out, "cli"))
    assert code == 0, words
    assert json.loads((out / "totals.jsonl").read_text().splitlines()[0])["outcomes"]["assessed"] == 30
    assert len(notes.read_text().splitlines()) >= 2


async def test_a_sign_in_that_fails_in_the_middle_of_a_scan_for_a_moment_costs_nothing(
    tmp_path: Path, service: tuple[SignInService, dict[str, str]]
) -> None:
    signing, variables = service
    signing.life_s = 1.0
    signing.trouble = lambda _: DOWN if len(signing.asked) in (2, 3, 5) else None
    environment = {name: variables[name] for name in {*NAMES["service-principal"], "SSL_CERT_FILE"}}
    out = tmp_path / "run"
    async with serve(fleet(signing)) as endpoint:
        code, _, words = await fleetscan(environment, *scanning(endpoint, out, "service-principal"))
    assert code == 0, words
    assert signing.troubles >= 2


async def test_who_is_not_signed_in_reads_which_credential_said_what_and_the_command_that_mends_it(
    tmp_path: Path, service: tuple[SignInService, dict[str, str]]
) -> None:
    signing, variables = service
    signing.trouble = lambda _: WRONG_SECRET
    line = "inventory", "--cloud", "us-government", "--auth", "service-principal"
    # The private authority that the variable names holds in any cloud.
    code, _, words = await fleetscan(variables, *line)
    assert code == 4
    first, *more = words.splitlines()
    assert first == (
        "fleetscan: error: not signed in to Azure with a service principal; make a new secret with "
        f"`az ad app credential reset --id {variables['AZURE_CLIENT_ID']} --append` "
        "and put it into AZURE_CLIENT_SECRET"
    )
    assert "AADSTS7000215: Invalid client secret." in "".join(more)
    assert SECRET not in words
    assert signing.asked[0].parameters["scope"] == "https://management.core.usgovcloudapi.net/.default"


@pytest.mark.parametrize("auth", ["service-principal", "workload-identity", "managed-identity", "cli"])
async def test_on_loopback_it_is_said_that_a_simulator_takes_any_token(
    tmp_path: Path, service: tuple[SignInService, dict[str, str]], auth: str
) -> None:
    signing, variables = service
    signing.trouble = lambda _: WRONG_SECRET
    environment = {**variables, "PATH": str(tmp_path)}
    code, _, words = await fleetscan(
        environment, "inventory", "--endpoint", "http://127.0.0.1:1", "--auth", auth
    )
    assert code == 4
    assert (
        "; a simulated Azure takes any token: set FLEETSCAN_ACCESS_TOKEN=anything and leave --auth out\n"
        in words
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            ("--cloud", "china", "--endpoint", "https://management.azure.com"),
            "the cloud china is at https://management.chinacloudapi.cn, and the endpoint is "
            "https://management.azure.com; give --cloud or --endpoint",
        ),
        (
            ("--cloud", "public", "--endpoint", "http://127.0.0.1:1"),
            "the cloud public is at https://management.azure.com, and the endpoint is http://127.0.0.1:1; "
            "give --cloud or --endpoint",
        ),
        (("--cloud", "chna"), "must be one of public, us-government, china, not 'chna'; did you mean china?"),
        (("--auth", "azcli"), "must be one of default, cli, managed-identity, workload-identity"),
        (("--token-scope", "https://management.example.com"), "must be a scope that ends in /.default"),
        (("--auth-timeout", "0s"), "must be a duration"),
        (("--tenant", "a b"), "must be a tenant's id or domain"),
    ],
)
@pytest.mark.parametrize("command", ["scan", "plan", "inventory"])
async def test_what_contradicts_itself_is_a_mistake_in_the_line(
    command: str, line: tuple[str, ...], told: str
) -> None:
    code, data, words = await fleetscan({"FLEETSCAN_ACCESS_TOKEN": "t"}, command, *line)
    assert (code, data) == (2, "")
    assert told in words


async def test_a_cloud_and_its_own_endpoint_do_not_contradict_each_other() -> None:
    line = "inventory", "--cloud", "china", "--endpoint", "https://management.chinacloudapi.cn", "--limit"
    code, _, words = await fleetscan({"FLEETSCAN_ACCESS_TOKEN": "t"}, *line, "0")
    assert code == 2
    assert "limit must be" in words


async def test_a_token_that_was_asked_for_and_is_not_there_is_no_scan() -> None:
    code, _, words = await fleetscan({}, "inventory", "--auth", "token", "--cloud", "china")
    assert code == 4
    assert words == (
        "fleetscan: error: there is no token in FLEETSCAN_ACCESS_TOKEN; put one there with "
        "`az account get-access-token --scope https://management.chinacloudapi.cn/.default "
        "--query accessToken -o tsv`\n"
    )
