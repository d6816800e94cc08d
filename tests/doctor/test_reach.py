"""What is said of the network: names behind a proxy, and a proxy or certificates that cannot be used."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import anyio
import pytest

from fleetscan.addresses import Origin
from fleetscan.doctor import reach
from fleetscan.doctor.examine import examine
from fleetscan.doctor.findings import Examined
from fleetscan.errors import SettingError
from fleetscan.settings.examining import DoctorSettings
from tests.doctor.examined import failed, of, statuses, token

AZURE = "https://management.azure.test"
LATER = ["clock", "subscriptions", "permissions", "resource_graph", "quota"]


def unknown(*_: Any, **__: Any) -> Any:
    """No name server knows a name."""
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A computer that knows no name, and whose environment says nothing on the network."""
    for name in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    return monkeypatch


async def found(tmp_path: Path, **settings: Any) -> Examined:
    """What is found at an endpoint that this computer does not know."""
    asked = DoctorSettings(endpoint=AZURE, out=str(tmp_path / "out"), **settings)
    return await examine(asked, token(), runs="unused", stop=anyio.Event())


async def test_behind_a_proxy_a_name_that_is_not_known_is_no_failure_of_its_own(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        examined = await found(tmp_path, proxy=f"http://127.0.0.1:{taken.getsockname()[1]}")
    [(check, what)] = failed(examined)
    assert (check, "proxy" in what) == ("connection", True)
    assert of(examined, "name")[0].what == (
        "management.azure.test is not known here: Name or service not known; the proxy looks it up itself"
    )


async def test_where_no_proxy_names_the_host_its_name_has_to_be_known(
    tmp_path: Path, offline: pytest.MonkeyPatch
) -> None:
    offline.setenv("NO_PROXY", "azure.test")
    examined = await found(tmp_path, proxy="http://127.0.0.1:1")
    assert [check for check, _ in failed(examined)] == ["name", "connection"]


async def test_a_variable_that_names_no_proxy_fails_as_the_connection(
    tmp_path: Path, offline: pytest.MonkeyPatch
) -> None:
    offline.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")
    examined = await found(tmp_path)
    [finding] = of(examined, "connection")
    assert finding.status == "failed"
    assert statuses(examined)["name"] == "warning"
    assert finding.what.startswith("HTTPS_PROXY must be http://host:port (")
    assert str(finding.remedy) == "correct it, or unset it to connect directly"
    assert [each.check for each in examined.findings if each.status == "not_checked"] == ["token", *LATER]
    assert statuses(examined)["directory"] == "ok"


async def test_certificates_that_cannot_be_used_fail_as_the_connection(
    tmp_path: Path, offline: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing\n")
    said = f"names {empty}, which holds no certificate in PEM format"
    [finding] = of(await found(tmp_path, ca_bundle=str(empty)), "connection")
    assert (finding.status, finding.what) == ("failed", f"the setting of trusted certificates {said}")
    assert str(finding.remedy) == "correct ca_bundle, or leave it out to trust what the system trusts"
    offline.setenv("SSL_CERT_FILE", str(empty))
    [finding] = of(await found(tmp_path), "connection")
    assert (finding.status, finding.what) == ("failed", f"SSL_CERT_FILE {said}")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("HTTPS_PROXY", "socks5://127.0.0.1:1", "HTTPS_PROXY must be http://host:port"),
        ("SSL_CERT_FILE", "/dev/null/x", "SSL_CERT_FILE names /dev/null/x"),
    ],
)
async def test_what_keeps_the_sign_in_alone_from_leaving_fails_as_the_token(
    variable: str, value: str, said: str, tmp_path: Path, offline: pytest.MonkeyPatch
) -> None:
    offline.setenv(variable, value)
    offline.delenv("FLEETSCAN_ACCESS_TOKEN", raising=False)
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"):
        offline.setenv(name, "11111111-2222-3333-4444-555555555555")
    asked = DoctorSettings(
        endpoint="http://127.0.0.1:1", out=str(tmp_path / "out"), auth="service-principal", auth_timeout_s=5.0
    )
    examined = await examine(asked, None, runs="unused", stop=anyio.Event())
    assert of(examined, "token")[0].status == "failed"
    assert of(examined, "token")[0].what.startswith(said)
    assert statuses(examined)["directory"] == "ok"


def test_a_setting_that_names_no_proxy_is_a_mistake_of_the_settings() -> None:
    with pytest.raises(SettingError):
        reach.way_to(Origin.of(AZURE), DoctorSettings(endpoint=AZURE, proxy="socks5://127.0.0.1:1"))
