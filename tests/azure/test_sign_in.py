"""What a person reads who is not signed in: azure-identity's real texts, and no secret in them."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessTokenInfo, TokenRequestOptions
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError
from azure.identity.aio import ChainedTokenCredential, DefaultAzureCredential

from fleetscan.azure.identity import Credential, SignIn, make_credential
from fleetscan.azure.renewed_token import CredentialToken
from fleetscan.azure.sign_in import MENDING, not_signed_in
from fleetscan.cli.console import as_flag
from fleetscan.cli.main import run
from fleetscan.clouds import US_GOVERNMENT
from fleetscan.errors import CredentialError
from fleetscan.settings.sign_in import AUTHS
from tests.cli.processes import spoken

SCOPE = "https://management.azure.com/.default"
LOGIN = "set the AZURE_* variables of a service principal, or put a token into FLEETSCAN_ACCESS_TOKEN"
EXPIRED = (
    "ERROR: AADSTS700082: The refresh token has expired due to inactivity. The token was issued on "
    "2026-01-02T03:04:05.6789Z and was inactive for 90.00:00:00. Trace ID: 0000-1111 "
    "Correlation ID: 2222-3333 Timestamp: 2026-06-07 08:09:10Z "
    "Interactive authentication is needed. Please run: az login"
)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No credential but developers' tools, looked for in an empty directory: nothing is contacted."""
    for name in [
        name for name in os.environ if name.startswith(("AZURE_", "FLEETSCAN_", "IDENTITY_", "MSI_"))
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "dev")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def az(directory: Path, script: str) -> None:
    """An `az` that does what `script` says."""
    (directory / "az").write_text(f"#!/bin/sh\n{script}\n")
    (directory / "az").chmod(0o755)


async def refusal_of(credential: Credential | None = None, **how: Any) -> CredentialError:
    """What is said where there is no token; `how` is as SignIn takes it."""
    make = make_credential if credential is None else lambda *_: credential
    tokens = CredentialToken(SignIn(SCOPE, environment=dict(os.environ), **how), make)
    with pytest.raises(CredentialError) as caught:
        await tokens.header()
    await tokens.aclose()
    return caught.value


async def test_without_the_azure_cli_it_is_to_be_installed_first() -> None:
    error = await refusal_of()
    assert error.told() == f"not signed in to Azure; install the Azure CLI and run `az login`, {LOGIN}"
    cli, absent, chosen = error.details
    assert cli == "Azure CLI: Azure CLI not found on path"
    assert absent.startswith("not set up here: ")
    assert absent.endswith("Visual Studio Code, Azure PowerShell, Azure Developer CLI")
    assert chosen == "AZURE_TOKEN_CREDENTIALS is set: no other credential was tried"


async def test_what_az_says_of_an_expired_login_is_told_whole(alone: Path) -> None:
    az(alone, f"echo '{EXPIRED}' >&2; exit 1")
    error = await refusal_of()
    assert error.told() == f"not signed in to Azure; run `az login`, {LOGIN}"
    assert error.details[0] == f"Azure CLI: {EXPIRED}"


async def test_an_az_without_a_login_says_so(alone: Path) -> None:
    az(alone, "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1")
    error = await refusal_of()
    assert error.details[0] == "Azure CLI: Please run 'az login' to set up an account"


async def test_an_az_that_does_not_answer_is_looked_at_first(alone: Path) -> None:
    az(alone, "exec /bin/sleep 5")
    error = await refusal_of(DefaultAzureCredential(process_timeout=0.2))
    assert error.told().startswith("not signed in to Azure; run `az account get-access-token` to see why")
    assert error.details[0] == "Azure CLI: Timed out waiting for Azure CLI"


def test_what_az_prints_besides_shows_no_token_and_no_control_sequence(
    alone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = "eyJhbGciOiJub25lIn0.eyJvaWQiOiJzZWNyZXQifQ.c2ln"
    refresh = "1.AXoA" + "b" * 900
    az(alone, f"printf 'AADSTS1 {token} {refresh} \\033[31m\\n\\tEvilCredential: hi\\nend' >&2; exit 1")
    assert run(["scan", "--out", "-"]) == 4
    told = capsys.readouterr().err
    assert token not in told
    assert "bbbb" not in told
    assert "\x1b" not in told
    assert "Azure CLI: AADSTS1 <token> <token> " in told
    # Each line of Azure's is one of the log, indented below the error.
    # A loop of asyncio's own may say that it was closed before it heard of a process's end.
    lines = [line for line in spoken(told).splitlines() if not line.startswith("asyncio: ")]
    first, refused, *details, last = lines
    assert first.startswith("fleetscan ")
    assert refused.startswith("not signed in to Azure")
    assert [line[:2] for line in details] == ["  "] * len(details)
    assert last.startswith("exit 4 (could not scan)")


async def test_on_loopback_the_simulator_s_token_is_named() -> None:
    error = await refusal_of(is_loopback=True)
    assert error.told() == (
        "not signed in to Azure; a simulated Azure takes any token: set FLEETSCAN_ACCESS_TOKEN=anything"
    )


async def test_a_word_that_azure_identity_does_not_know_is_told_with_those_it_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "azcli")
    error = await refusal_of()
    assert error.details[0].startswith(
        "Invalid value for AZURE_TOKEN_CREDENTIALS: azcli. Valid values are: dev,"
    )


async def test_a_certificate_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID"):
        monkeypatch.setenv(name, "3f8c0d5e-1111-2222-3333-444444444444")
    monkeypatch.setenv("AZURE_CLIENT_CERTIFICATE_PATH", "/absent/certificate.pem")
    assert (await refusal_of()).told() == (
        "not signed in to Azure: No such file or directory: '/absent/certificate.pem'; see that the file "
        "that AZURE_CLIENT_CERTIFICATE_PATH names is there and can be read: /absent/certificate.pem, or put "
        "a token into FLEETSCAN_ACCESS_TOKEN"
    )


async def test_variables_that_are_too_few_for_a_service_principal_are_named_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    monkeypatch.setenv("AZURE_CLIENT_ID", "3f8c0d5e")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "s3cret-value")
    error = await refusal_of()
    assert error.details[0] == (
        "AZURE_* variables: AZURE_CLIENT_ID, AZURE_CLIENT_SECRET set, "
        "but a service principal needs AZURE_TENANT_ID too"
    )
    assert not any(line.startswith("not set up") for line in error.details)


class Failing:
    """A credential that fails with an error."""

    error: Exception = ClientAuthenticationError("")

    async def get_token_info(
        self, *scopes: str, options: TokenRequestOptions | None = None
    ) -> AccessTokenInfo:
        raise self.error

    async def close(self) -> None:
        """Holds nothing."""


class EnvironmentCredential(Failing):
    """A service principal whose secret is wrong."""

    error = ClientAuthenticationError(
        "Authentication failed: AADSTS7000215: Invalid client secret s3cret-value provided.\n\tTrace ID: 1"
    )


class ManagedIdentityCredential(Failing):
    """None, as on a computer outside Azure."""

    error = CredentialUnavailableError(
        "ManagedIdentityCredential authentication unavailable, no response from the IMDS endpoint."
    )


async def test_a_credential_that_is_set_up_and_fails_is_what_is_to_be_corrected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AZURE_TOKEN_CREDENTIALS")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "s3cret-value")
    chain = ChainedTokenCredential(ManagedIdentityCredential(), EnvironmentCredential())  # type: ignore[arg-type]
    error = await refusal_of(chain)
    assert error.told() == (
        "not signed in to Azure; make a new secret with "
        "`az ad app credential reset --id CLIENT_ID --append` and put it into AZURE_CLIENT_SECRET, "
        "or put a token into FLEETSCAN_ACCESS_TOKEN"
    )
    assert error.details == (
        "AZURE_* variables: Authentication failed: AADSTS7000215: Invalid client secret <hidden> provided. "
        "Trace ID: 1",
        "not set up here: managed identity",
    )


def test_a_text_of_an_unknown_format_is_shown_to_a_bound() -> None:
    said = "something else\nwent wrong " + "word " * 1000
    (line,) = not_signed_in(SignIn(SCOPE), said).details
    assert line.startswith("something else went wrong word word")
    assert (len(line), line[-3:]) == (1903, "...")


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Attempted credentials:",
        "Attempted credentials:\n\t",
        "Attempted credentials:\n\tXCredential",
        "\n\t" * 99,
    ],
)
def test_any_text_becomes_an_error_that_says_what_to_do(said: str) -> None:
    assert "run `az login`" in not_signed_in(SignIn(SCOPE), said).told()


def test_the_login_of_a_proxy_in_another_s_text_is_not_shown() -> None:
    said = "HTTPSConnectionPool: Failed to parse: http://ann:s3cret@proxy:3128"
    (line,) = not_signed_in(SignIn(SCOPE), said).details
    assert line == "HTTPSConnectionPool: Failed to parse: http://proxy:3128"


CLIENT = "22222222-3333-4444-5555-666666666666"


@pytest.mark.parametrize(
    ("auth", "said", "told"),
    [
        ("cli", "Azure CLI not found on path", "; install the Azure CLI and run `{login}`"),
        ("cli", "Please run 'az login' to set up an account", "; run `{login}`"),
        ("cli", "AADSTS50076: Due to a configuration change", "; run `{login} --scope {scope}`"),
        (
            "service-principal",
            "AADSTS7000222: expired",
            "`az ad app credential reset --id {client} --append`",
        ),
        ("service-principal", "AADSTS700016: not found", "see with `az ad sp show --id {client}` whether"),
        ("service-principal", "AADSTS90002: no tenant", "`az account tenant list` shows with --tenant"),
        ("workload-identity", "AADSTS700024: not within", "; the federated token is too old: sign in anew"),
        (
            "workload-identity",
            "AADSTS700213: No match",
            "`az ad app federated-credential list --id {client}`",
        ),
        ("managed-identity", "no response from the IMDS", "`az vm identity assign --resource-group GROUP"),
        ("cli", "AADSTS500011: no resource", "cloud and tenant of these subscriptions: --cloud, --tenant"),
        ("managed-identity", "no token within 65 s", "wait longer with --auth-timeout 2m"),
    ],
)
def test_a_credential_s_words_lead_to_the_command_that_mends_them(auth: str, said: str, told: str) -> None:
    words = {"AZURE_CLIENT_ID": CLIENT}
    sign_in = SignIn(
        US_GOVERNMENT.scope, auth=auth, tenant="contoso.com", cloud=US_GOVERNMENT, environment=words
    )
    error = not_signed_in(sign_in, said)
    login = "az cloud set --name AzureUSGovernment && az login --tenant contoso.com"
    assert told.format(login=login, client=CLIENT, scope=US_GOVERNMENT.scope) in error.told(as_flag)
    assert error.details == (said,)


@pytest.mark.parametrize("auth", AUTHS)
@pytest.mark.parametrize("client_id", ["", CLIENT, "{evil} `rm -rf` $login"])
def test_every_mending_can_be_told(auth: str, client_id: str) -> None:
    names = ("CLIENT_ID", "TENANT_ID", "CLIENT_CERTIFICATE_PATH", "FEDERATED_TOKEN_FILE", "AUTHORITY_HOST")
    sign_in = SignIn(SCOPE, auth=auth, environment={f"AZURE_{name}": client_id for name in names})
    for line in tomllib.loads(MENDING.read_text())["mending"]:
        code = re.sub(r"\\[bd]", "", line["words"]).partition("(")
        said = code[0] + code[2].partition("|")[0].partition(")")[0]
        told = not_signed_in(sign_in, said).told(as_flag)
        assert "--id {evil}" not in told
        # A path, a tenant and a host are told as they are.
        rest = told.replace(client_id, "") if client_id else told
        assert "{" not in rest
        assert "$" not in rest


CONNECT = "Connect call failed ('127.0.0.1', 1)"
REACH = (
    "; check the network and the proxy: --proxy or HTTPS_PROXY, NO_PROXY, --ca-bundle, and whether a firewall"
)
ALL = {"AZURE_CLIENT_ID": CLIENT, "AZURE_TENANT_ID": CLIENT, "AZURE_CLIENT_SECRET": "s3cret-value"}


@pytest.mark.parametrize("auth", ["service-principal", "workload-identity", "default"])
@pytest.mark.parametrize(
    "cause",
    [
        f"no connection to the proxy proxy.corp:3128: {CONNECT}",
        "the proxy proxy.corp:3128 would not connect to login.microsoftonline.com:443: HTTP 502",
        "no connection to login.microsoftonline.com:443: Name or service not known",
        "no connection to login.microsoftonline.com:443 in time",
        "no connection to login.microsoftonline.com:443: that port does not speak TLS",
        "Server disconnected",
        "Connection reset by peer",
    ],
)
def test_a_network_that_fails_is_quoted_and_no_variable_is_to_be_set(auth: str, cause: str) -> None:
    error = not_signed_in(SignIn(SCOPE, auth=auth, environment=ALL), cause)
    told = error.told(as_flag)
    assert f": {cause}{REACH}" in told
    assert "through to login.microsoftonline.com" in told
    assert "set AZURE_CLIENT_ID" not in told
    assert "az login" not in told
    assert "kubectl" not in told


def test_the_sign_in_service_of_the_cloud_is_the_one_that_a_firewall_has_to_let_through() -> None:
    asked = SignIn(SCOPE, auth="service-principal", cloud=US_GOVERNMENT)
    assert "login.microsoftonline.us" in not_signed_in(asked, "no connection to it").told()
    private = SignIn(SCOPE, environment={"AZURE_AUTHORITY_HOST": "https://ann:s3cret@login.corp.test/"})
    told = not_signed_in(private, "no connection to it").told()
    assert "through to login.corp.test, or" in told


def test_the_azure_cli_has_a_network_of_its_own_and_reads_no_setting() -> None:
    said = "HTTPSConnectionPool(host='login.microsoftonline.com', port=443): Max retries exceeded with url: /"
    told = not_signed_in(SignIn(SCOPE, auth="cli"), said).told(as_flag)
    assert "Max retries exceeded with url: /; check the network of the Azure CLI" in told
    assert "HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE" in told
    assert "--proxy" not in told


@pytest.mark.parametrize("auth", ["cli", "managed-identity", "workload-identity", "service-principal"])
@pytest.mark.parametrize("said", ["something new", "HTTP 503", "AZURE_CLIENT_ID is odd", ""])
def test_an_unknown_cause_is_answered_with_a_sentence_that_fits_any(auth: str, said: str) -> None:
    error = not_signed_in(SignIn(SCOPE, auth=auth, environment=ALL), said)
    other = "run `az login`" if auth == "cli" else "choose another credential with --auth"
    assert error.told(as_flag).endswith(f"; mend what is said below, or {other}")
    assert error.details == (said,)


@pytest.mark.parametrize("name", ["/odd/{evil}$login.pem", "/it's \\ here/é.pem"])
def test_a_path_is_told_as_it_is_whatever_it_holds(name: str) -> None:
    sign_in = SignIn(SCOPE, auth="service-principal", environment={"AZURE_CLIENT_CERTIFICATE_PATH": name})
    error = not_signed_in(sign_in, str(FileNotFoundError(2, "No such file or directory", name)))
    assert error.told().endswith(f"AZURE_CLIENT_CERTIFICATE_PATH names is there and can be read: {name}")
