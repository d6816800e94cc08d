"""Which proxy requests leave through: by the settings, the environment and the place. No login shows."""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
from collections.abc import Mapping

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from yarl import URL

from fleetscan.addresses import Origin, ProxyAddress, without_logins
from fleetscan.azure.breakage import why_not_sent
from fleetscan.azure.credentials import StaticToken
from fleetscan.azure.network import DIRECT, Network, Proxy, is_exempt
from fleetscan.azure.transport import Transport
from fleetscan.errors import SettingError, UsageError
from fleetscan.model import Request
from fleetscan.scanner.run_facts import settings_facts
from fleetscan.settings.declared import Settings

AZURE = Origin.of("https://management.azure.com")
LOGIN = Origin.of("https://login.microsoftonline.com")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system itself names none."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


def proxied(environment: Mapping[str, str], setting: str | None = None, origin: Origin = AZURE) -> str:
    """Where a request to `origin` leaves through, "" for directly."""
    return str(Network(setting, environment=environment).proxy_for(origin).url or "")


def test_the_setting_comes_first_then_the_lower_case_variable_then_the_upper_case_one() -> None:
    told = {"HTTPS_PROXY": "http://upper:1", "https_proxy": "http://lower:2"}
    assert proxied(told, "http://setting:3") == "http://setting:3"
    assert proxied(told) == "http://lower:2"
    assert proxied({"HTTPS_PROXY": "http://upper:1"}) == "http://upper:1"
    assert proxied({}) == ""


def test_a_variable_that_is_set_to_nothing_takes_back_the_other_one() -> None:
    assert proxied({"HTTPS_PROXY": "http://upper:1", "https_proxy": ""}) == ""


def test_variables_for_other_protocols_are_not_read() -> None:
    names = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "FTP_PROXY")
    assert proxied(dict.fromkeys(names, "http://other:1")) == ""


@pytest.mark.parametrize(
    "url", ["https://localhost:8443", "https://127.0.0.9", "https://[::1]", "https://169.254.169.254"]
)
def test_this_machine_is_reached_through_the_proxy_of_a_setting_alone(url: str) -> None:
    here = Origin.of(url)
    assert proxied({"HTTPS_PROXY": "http://p:1"}, origin=here) == ""
    assert proxied({}, "http://p:1", here) == "http://p:1"


@pytest.mark.parametrize(
    "url", ["http://localhost:42356", "http://127.0.0.1", "http://169.254.169.254", "http://[fe80::1]"]
)
def test_plain_http_is_direct(url: str) -> None:
    network = Network("http://p:1", environment={"HTTP_PROXY": "http://p:1"})
    assert network.proxy_for(Origin.of(url)) is DIRECT
    assert network.proxy_for_sign_in(Origin.of(url)) is DIRECT


def test_sign_in_leaves_through_the_same_proxy_but_to_the_services_of_this_machine() -> None:
    network = Network("http://p:1")
    assert str(network.proxy_for_sign_in(LOGIN).url) == "http://p:1"
    for url in ("https://localhost:2377", "https://127.0.0.1", "https://169.254.1.1"):
        assert network.proxy_for_sign_in(Origin.of(url)) is DIRECT


@pytest.mark.parametrize(
    ("listed", "url", "is_named"),
    [
        ("management.azure.com", "https://management.azure.com", True),
        ("azure.com", "https://management.azure.com", True),
        (".azure.com", "https://management.azure.com", True),
        ("*.azure.com", "https://management.azure.com", True),
        ("AZURE.com", "https://management.azure.com", True),
        ("zure.com", "https://management.azure.com", False),
        ("management.azure.com.evil.test", "https://management.azure.com", False),
        ("azure.com:443", "https://management.azure.com", True),
        ("azure.com:8443", "https://management.azure.com", False),
        ("a.test, azure.com", "https://management.azure.com", True),
        ("a.test azure.com", "https://management.azure.com", True),
        ("*", "https://management.azure.com", True),
        ("", "https://management.azure.com", False),
        (", .,*.", "https://management.azure.com", False),
        ("10.0.0.0/8", "https://10.1.2.3", True),
        ("10.0.0.0/8", "https://11.1.2.3", False),
        ("10.1.2.3", "https://10.1.2.3", True),
        ("10.1.2.3:443", "https://10.1.2.3", True),
        ("10.1.2.3:8443", "https://10.1.2.3", False),
        ("fd00::/8", "https://[fd00::1]", True),
        ("fd00::1", "https://[fd00::1]", True),
        ("[fd00::1]:443", "https://[fd00::1]", True),
        ("[fd00::1]:1", "https://[fd00::1]", False),
        ("10.0.0.0/99", "https://10.1.2.3", False),
    ],
)
def test_no_proxy_names_hosts_domains_addresses_and_networks(listed: str, url: str, is_named: bool) -> None:
    origin = Origin.of(url)
    assert is_exempt(origin, listed) is is_named
    for name in ("NO_PROXY", "no_proxy"):
        told = {name: listed, "HTTPS_PROXY": "http://p:1"}
        assert (proxied(told, origin=origin) == "") is is_named
        assert (proxied(told, "http://p:1", origin) == "") is is_named


@pytest.mark.parametrize(
    ("text", "url", "login"),
    [
        ("http://proxy:3128", "http://proxy:3128", None),
        ("proxy:3128", "http://proxy:3128", None),
        ("proxy", "http://proxy", None),
        ("HTTPS://Proxy.Corp:3129/", "https://proxy.corp:3129", None),
        ("http://ann:p%40s%2Fs@proxy:1", "http://proxy:1", ("ann", "p@s/s")),
        ("ann:p@ss@proxy:1", "http://proxy:1", ("ann", "p@ss")),
        ("http://ann@proxy:1", "http://proxy:1", ("ann", "")),
        ("http://ann:a:b@proxy:1", "http://proxy:1", ("ann", "a:b")),
        ("http://:secret@proxy:1", "http://proxy:1", ("", "secret")),
        ("http://@proxy:1", "http://proxy:1", None),
        ("http://ann:ü%C3%A9@[::1]:1", "http://[::1]:1", ("ann", "üé")),
    ],
)
def test_a_proxy_is_written_with_scheme_login_and_port_or_without(
    text: str, url: str, login: tuple[str, str] | None
) -> None:
    address = ProxyAddress.of(text)
    assert (address.origin.url, address.login) == (url, login)
    assert Settings(proxy=text).proxy == text
    headers = Network(text).proxy_for(AZURE).headers
    assert headers == (None if login is None else {"Proxy-Authorization": basic(*login)})


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


@pytest.mark.parametrize(
    "text",
    [
        "socks5://ann:secret@127.0.0.1:1",
        "http://",
        "http://[",
        "://",
        "",
        "http://h:x",
        "http://h:0",
        "http://a..b:3128",
        "h:65536",
        "http://1.2.3:3128",
        "http://h:3128/path",
        "http://h:3128?secret",
        "http://ann:sec/secret@h:3128",
        "http://ann:sec#secret@h:3128",
        "http://ann:sec?secret@h:3128",
        "http://ann:sec secret@h:3128",
        "http://a%3Ab:secret@h:3128",
        "http://ann:secret\udcff@h:3128",
        "http://ann:secret@h:3128:secret",
    ],
)
def test_a_proxy_that_cannot_be_one_is_said_in_a_sentence_without_its_login(text: str) -> None:
    with pytest.raises(SettingError, match="proxy must be http://HOST:PORT") as refused:
        Settings(proxy=text)
    assert "secret" not in str(refused.value)
    with pytest.raises(SettingError):
        Network(text)
    for name in ("HTTPS_PROXY", "https_proxy") if text else ():
        with pytest.raises(UsageError, match=f"{name} must be http://host:port") as refused_too:
            Network(environment={name: text}).proxy_for(AZURE)
        assert "secret" not in str(refused_too.value)


def test_the_login_stands_in_no_repr_and_in_no_run_json() -> None:
    settings = Settings(proxy="http://ann:s3cret@proxy:3128", ca_bundle="corp.pem")
    network = Network(settings.proxy)
    shown = [settings, network, network.proxy_for(AZURE), ProxyAddress.of(settings.proxy or "")]
    facts = settings_facts(settings)
    assert "s3cret" not in f"{shown!r} {facts!r}"
    assert "ann" not in f"{facts!r}"
    assert (facts["proxy"], facts["ca_bundle"]) == ("http://proxy:3128", "corp.pem")
    assert settings_facts(Settings())["proxy"] is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Failed to parse: http://ann:s3cret@proxy:3128/x", "Failed to parse: http://proxy:3128/x"),
        ("'http://ann:s/3@cret@proxy'", "'http://proxy'"),
        ("proxy ann:s3cret@proxy:3128 is down", "proxy proxy:3128 is down"),
        ("ask ann@corp.test, see https://aka.ms/x", "ask ann@corp.test, see https://aka.ms/x"),
    ],
)
def test_a_foreign_text_is_shown_without_the_logins_of_its_urls(text: str, shown: str) -> None:
    assert without_logins(text) == shown


def test_a_proxy_whose_name_is_not_known_is_the_one_that_is_named() -> None:
    """aiohttp tells it as the endpoint's, which is never looked up behind a proxy."""
    key = ConnectionKey("management.azure.com", 443, True, True, None, None, None)
    unknown = aiohttp.ClientConnectorDNSError(key, OSError(-2, "Name or service not known"))
    assert why_not_sent(unknown, AZURE, Proxy(URL("http://proxy:3128"))) == (
        "no connection to the proxy proxy:3128: Name or service not known"
    )
    assert why_not_sent(unknown, AZURE, DIRECT) == (
        "no connection to management.azure.com:443: Name or service not known"
    )


@pytest.mark.parametrize(
    ("reason", "host", "said"),
    [
        (
            "WRONG_VERSION_NUMBER",
            "management.azure.com",
            "management.azure.com:443: that port does not speak TLS",
        ),
        ("RECORD_LAYER_FAILURE", "proxy", "the proxy proxy:443: that port does not speak TLS"),
        (
            "TLSV1_ALERT_PROTOCOL_VERSION",
            "management.azure.com",
            "management.azure.com:443: TLS failed (tlsv1 alert protocol version)",
        ),
    ],
)
def test_tls_that_fails_is_told_without_the_words_of_a_library(reason: str, host: str, said: str) -> None:
    broken = ssl.SSLError(1, f"[SSL: {reason}] words (_ssl.c:1006)")
    broken.reason = reason
    error = aiohttp.ClientConnectorSSLError(ConnectionKey(host, 443, True, True, None, None, None), broken)
    assert why_not_sent(error, AZURE, Proxy(URL("https://proxy:443"))) == f"no connection to {said}"


async def test_plain_http_where_tls_is_spoken_is_said_to_be_none() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        origin = Origin.of(f"https://127.0.0.1:{port}")
        tokens = StaticToken("t0ken-of-tests")
        async with Transport(origin, tokens, max_in_flight=1, user_agent="fleetscan/1") as wire:
            reply = await wire.exchange(Request("GET", f"{origin.url}/x"))
    assert reply.detail == f"no connection to 127.0.0.1:{port}: that port does not speak TLS"
