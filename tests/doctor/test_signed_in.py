"""What is said of a token: whether it can be renewed and what mends it are the credential's own matter."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.credentials import AccessToken

from fleetscan.azure.credentials import token_source
from fleetscan.azure.identity import SignIn
from fleetscan.doctor.findings import Finding, Identity
from fleetscan.doctor.signed_in import finding_of, identity_of
from fleetscan.model import ACCESS_TOKEN
from tests.doctor.examined import jwt

NO_IDS = {"name": "night-scan", "object_id": None, "app_id": None, "tenant_id": None}
NOW = 1_700_000_000.0
FRESH = "az account get-access-token --scope https://azure.test/.default --query accessToken -o tsv"


class Lasting:
    """A credential of a program's, which renews its tokens."""

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken("t", 0)

    async def close(self) -> None:
        """Nothing is open."""


def told(auth: str, left_s: float | None, *, credential: Any = None, is_reached: bool = True) -> Finding:
    """What is said with a token in the variable, and `--auth`, of a token that is good for `left_s`."""
    sign_in = SignIn("https://azure.test/.default", auth=auth, environment={ACCESS_TOKEN: jwt(exp=NOW)})
    tokens = token_source(credential, sign_in)
    identity = Identity(dict(NO_IDS), None if left_s is None else NOW + left_s)
    return finding_of(identity, NOW, tokens, sign_in, is_reached=is_reached)


@pytest.mark.parametrize("auth", ["cli", "managed-identity", "workload-identity", "service-principal"])
def test_the_variable_is_no_matter_of_a_credential_that_does_not_use_it(auth: str) -> None:
    finding = told(auth, 1200.0)
    assert (finding.status, finding.what) == ("ok", "signed in as night-scan; the token expires in 20 min")


@pytest.mark.parametrize(
    ("auth", "otherwise"),
    [
        ("default", "or unset FLEETSCAN_ACCESS_TOKEN to sign in otherwise"),
        ("token", "or choose a credential that renews it with auth"),
    ],
)
def test_a_ready_token_that_soon_expires_is_a_warning_with_the_command_for_a_fresh_one(
    auth: str, otherwise: str
) -> None:
    finding = told(auth, 1200.0)
    assert finding.status == "warning"
    assert finding.what == "signed in as night-scan; the token expires in 20 min and cannot be renewed"
    assert str(finding.remedy) == (
        f"a scan that takes longer stops then: get a fresh token with `{FRESH}` "
        f"and put it into FLEETSCAN_ACCESS_TOKEN, {otherwise}"
    )


@pytest.mark.parametrize(
    ("auth", "remedy"),
    [
        ("cli", "check this computer's clock, or sign in anew: run `az login`"),
        (
            "managed-identity",
            "check this computer's clock: a managed identity gives tokens that are still good",
        ),
        (
            "workload-identity",
            "check this computer's clock: a workload identity gives tokens that are still good",
        ),
        (
            "service-principal",
            "check this computer's clock: a service principal gives tokens that are still good",
        ),
        (
            "token",
            f"get a fresh token with `{FRESH}` and put it into FLEETSCAN_ACCESS_TOKEN, "
            "or choose a credential that renews it with auth",
        ),
        (
            "default",
            f"get a fresh token with `{FRESH}` and put it into FLEETSCAN_ACCESS_TOKEN, "
            "or unset FLEETSCAN_ACCESS_TOKEN to sign in otherwise",
        ),
    ],
)
def test_what_mends_an_expired_token_fits_the_credential(auth: str, remedy: str) -> None:
    finding = told(auth, 0.0)
    assert (finding.status, str(finding.remedy)) == ("failed", remedy)
    assert finding.what == "signed in as night-scan; the token has expired"


def test_a_program_s_credential_renews_its_tokens_whatever_the_variable_holds() -> None:
    assert told("default", 1200.0, credential=Lasting()).status == "ok"
    assert told("token", -1.0, credential=Lasting()).status == "failed"


@pytest.mark.parametrize("left_s", [None, 7200.0])
def test_of_a_token_that_could_not_be_tried_nothing_is_claimed(left_s: float | None) -> None:
    finding = told("cli", left_s, is_reached=False)
    assert finding.status == "not_checked"
    assert finding.what.startswith(
        "a token is there, not checked: the endpoint could not be reached; of night-scan; the token "
    )
    assert "signed in" not in finding.what
    assert told("cli", -1.0, is_reached=False).status == "failed"


@pytest.mark.parametrize(
    ("claims", "expires_at"),
    [({"exp": 1_700_000_000}, 1_700_000_000.0), ({"exp": True}, None), ({"exp": 1e300}, None), ({}, None)],
)
def test_an_expiry_is_known_only_where_it_is_told(
    claims: dict[str, object], expires_at: float | None
) -> None:
    assert identity_of(f"Bearer {jwt(**claims)}", dict(NO_IDS)).expires_at == expires_at
