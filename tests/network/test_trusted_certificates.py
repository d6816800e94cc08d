"""Which certificates are taken, what is said of others, and files that hold none."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from fleetscan.addresses import Origin
from fleetscan.azure.credentials import StaticToken
from fleetscan.azure.network import Network
from fleetscan.azure.timeouts import Timeouts
from fleetscan.azure.transport import Transport
from fleetscan.errors import CannotScanError, SettingError, UsageError
from fleetscan.model import Fault, Request
from tests.azure.loopback_server import OK, Answer, serving
from tests.cli.processes import begun, ended, errors_in
from tests.network.authorities import Authority

SHORT = Timeouts(connect_s=5.0, vm_s=5.0, total_s=5.0)
HERE = Origin.of("https://127.0.0.1:1")
NOT_PEM = b"\x30\x82\x01\x0a\x02\x82\x01\x01"
NAMES = ("ca_bundle", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


def network(**named: str) -> Network:
    """A network with `ca_bundle`, or with these variables."""
    return Network(ca_bundle=named.pop("ca_bundle", None), environment=named)


def wire_to(port: int, network: Network) -> Transport:
    origin = Origin.of(f"https://127.0.0.1:{port}")
    return Transport(
        origin,
        StaticToken("t0ken"),
        max_in_flight=2,
        user_agent="fleetscan/1.2.3",
        timeouts=SHORT,
        network=network,
    )


async def refused(authority: Authority, network: Network, *names: str, days: float = 30.0) -> str:
    """What is said of a server's certificate; the server must have got no byte of a request."""
    async with serving(OK, tls=authority.server(*names, days=days)) as server:
        async with wire_to(server.port, network) as wire:
            with pytest.raises(CannotScanError) as refusal:
                await wire.exchange(Request("GET", f"https://127.0.0.1:{server.port}/x"))
        assert server.requests == []
    return str(refusal.value).replace(f":{server.port}", ":PORT")


@pytest.mark.parametrize("name", NAMES)
async def test_a_certificate_of_the_named_ca_is_taken(tmp_path: Path, name: str) -> None:
    authority = Authority(tmp_path)
    async with serving(OK, tls=authority.server("127.0.0.1")) as server:
        async with wire_to(server.port, network(**{name: str(authority.bundle)})) as wire:
            reply = await wire.exchange(Request("GET", f"https://127.0.0.1:{server.port}/x"))
        assert (reply.status, server.header("Authorization")) == (200, "Bearer t0ken")


async def test_the_setting_comes_first_then_ssl_cert_file_then_requests_ca_bundle(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path, "ours"), Authority(tmp_path, "other")
    told = {name: str(other.bundle) for name in NAMES}
    for name in NAMES:
        async with serving(OK, tls=ours.server("127.0.0.1")) as server:
            url = f"https://127.0.0.1:{server.port}/x"
            async with wire_to(server.port, network(**{**told, name: str(ours.bundle)})) as wire:
                assert (await wire.exchange(Request("GET", url))).status == 200
        del told[name]


async def test_one_that_is_not_trusted_names_all_ways_to_trust_it(tmp_path: Path) -> None:
    assert await refused(Authority(tmp_path), network()) == (
        "the certificate of 127.0.0.1:PORT is not trusted: unable to get local issuer certificate; name a "
        "file with the certificates of your organisation's CA: ca_bundle, or the variable SSL_CERT_FILE or "
        "REQUESTS_CA_BUNDLE"
    )


@pytest.mark.parametrize("name", NAMES)
async def test_one_that_a_named_file_does_not_trust_names_what_named_it(tmp_path: Path, name: str) -> None:
    other = Authority(tmp_path, "other")
    assert await refused(Authority(tmp_path), network(**{name: str(other.bundle)})) == (
        "the certificate of 127.0.0.1:PORT is not trusted: unable to get local issuer certificate; add the "
        f"certificate of the CA that issued it to the file that {name} names"
    )


async def test_one_that_has_expired_is_about_the_clock_or_its_owner(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    assert await refused(authority, network(ca_bundle=str(authority.bundle)), days=-1.0) == (
        "the certificate of 127.0.0.1:PORT is not trusted: certificate has expired; check the clock of this "
        "computer; if it is right, that certificate has to be renewed"
    )


async def test_one_of_another_host_is_about_the_endpoint(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    said = await refused(authority, network(ca_bundle=str(authority.bundle)), "arm.azure.test")
    assert said == (
        "the certificate of 127.0.0.1:PORT is not trusted: IP address mismatch, certificate is not valid for "
        "'127.0.0.1'; check endpoint, and whether DNS or a proxy leads somewhere else"
    )


async def test_after_a_first_reply_it_is_weather(tmp_path: Path) -> None:
    """One server of many may be wrong for a while, and five hours of a scan are not thrown away for it."""
    ours, other = Authority(tmp_path, "ours"), Authority(tmp_path, "other")
    context = ours.server("127.0.0.1")
    async with serving(Answer(OK.data, "close"), tls=context) as server:
        url = f"https://127.0.0.1:{server.port}/x"
        async with wire_to(server.port, network(ca_bundle=str(ours.bundle))) as wire:
            assert (await wire.exchange(Request("GET", url))).status == 200
            other.ca.issue_cert("127.0.0.1").configure_cert(context)
            reply = await wire.exchange(Request("GET", url))
    assert (reply.fault, "is not trusted" in reply.detail) == (Fault.NOT_SENT, True)


@pytest.mark.parametrize("command", ["scan", "plan", "inventory"])
async def test_a_command_ends_at_once_with_one_sentence(tmp_path: Path, command: str) -> None:
    """Counted, not timed: the server sees one connection, which brings no request."""
    authority = Authority(tmp_path)
    tries: list[str] = []
    context = authority.server("127.0.0.1")
    context.sni_callback = lambda *_: tries.append("hello")
    async with serving(OK, tls=context) as server:
        process = begun({}, command, "--endpoint", f"https://127.0.0.1:{server.port}")
        code, _, words = await asyncio.to_thread(ended, process)
    assert (code, server.requests, tries) == (4, [], ["hello"])
    (line,) = errors_in(words)
    assert line.startswith(f"the certificate of 127.0.0.1:{server.port} is not trusted: ")
    assert line.endswith(": --ca-bundle, or the variable SSL_CERT_FILE or REQUESTS_CA_BUNDLE")


def unusable(folder: Path) -> dict[str, tuple[Path, str]]:
    """Files that hold no certificate, each with what is said of it."""
    found = {
        "missing": "which cannot be read: No such file or directory",
        "empty": "which is empty",
        "der": "which holds no certificate in PEM format",
        "key": "which holds no certificate in PEM format",
        "torn": "which holds a damaged certificate",
        "directory": "which is a directory without hashed names (openssl rehash makes them)",
    }
    authority = Authority(folder)
    pem = authority.bundle.read_bytes()
    (folder / "empty").touch()
    (folder / "der").write_bytes(NOT_PEM)
    authority.ca.private_key_pem.write_to_path(str(folder / "key"))
    (folder / "torn").write_bytes(pem[:100] + b"!" + pem[101:])
    (folder / "directory").mkdir()
    return {name: (folder / name, why) for name, why in found.items()}


@pytest.mark.parametrize("name", NAMES)
def test_a_file_without_certificates_is_a_wrong_setting(tmp_path: Path, name: str) -> None:
    for path, why in unusable(tmp_path).values():
        with pytest.raises(UsageError) as refusal:
            network(**{name: str(path)}).tls()
        told = f"{name} names {path}, {why}"
        after = "" if name == "ca_bundle" else "; correct it, or unset it to trust what the system trusts"
        assert str(refusal.value) == told + after
        assert isinstance(refusal.value, SettingError) == (name == "ca_bundle")


def test_a_device_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="neither a file nor a directory"):
        network(ca_bundle="/dev/zero")


def test_a_pipe_is_read(tmp_path: Path) -> None:
    """As a shell's <(cat ca.pem other.pem) is."""
    pem = Authority(tmp_path).bundle.read_bytes()
    end, other_end = os.pipe()
    os.write(other_end, pem)
    os.close(other_end)
    assert network(ca_bundle=f"/dev/fd/{end}").tls() is not True
    os.close(end)


@pytest.mark.parametrize("where", ["--ca-bundle", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
async def test_a_scan_with_such_a_file_is_exit_2(tmp_path: Path, where: str) -> None:
    path = str(tmp_path / "no.pem")
    flags = (where, path) if where.startswith("--") else ()
    environment = {} if flags else {where: path}
    process = begun(environment, "scan", "--endpoint", "https://127.0.0.1:1", *flags)
    code, _, words = await asyncio.to_thread(ended, process)
    assert code == 2
    assert errors_in(words)[0].startswith(f"{where} names {path}, which cannot be read")


def test_the_flag_is_checked_where_no_tls_is_spoken_and_a_variable_is_not(tmp_path: Path) -> None:
    path = str(tmp_path / "no.pem")
    with pytest.raises(SettingError):
        network(ca_bundle=path)
    assert network(SSL_CERT_FILE=path).proxy_for(HERE).url is None
