"""TLS of the command line, which reads the certificates it trusts late: it trusts no more and no less."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import os
import ssl
from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fleetscan.cli.late_trust import LateTrust, trust_read_late
from tests.azure.loopback_server import Answer, LoopbackServer, serving
from tests.cli.processes import begun, ended, scanning, simulation

NO_SUBSCRIPTIONS = Answer(b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"value":[]}')


def certificate_for(address: str, pem: Path) -> ssl.SSLContext:
    """A server's context for `address`, with a certificate that vouches for itself; both are in `pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "azure")])
    began = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(began)
        .not_valid_after(began + datetime.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


async def asked(server: LoopbackServer, environment: Mapping[str, str], runs: Path) -> list[tuple[int, str]]:
    """The exit codes and the words of a scan and of a plan that ask `server` over TLS."""
    endpoint = f"https://127.0.0.1:{server.port}"
    scan = begun(environment, "scan", "--endpoint", endpoint, "--runs", str(runs))
    plan = begun(environment, "plan", "--endpoint", endpoint)
    found = [await asyncio.to_thread(ended, process) for process in (scan, plan)]
    return [(code, words) for code, _, words in found]


async def test_a_certificate_that_the_system_trusts_is_taken(tmp_path: Path) -> None:
    pem = tmp_path / "server.pem"
    async with serving(NO_SUBSCRIPTIONS, tls=certificate_for("127.0.0.1", pem)) as server:
        found = await asked(server, {"SSL_CERT_FILE": str(pem)}, tmp_path)
    assert [code for code, _ in found] == [0, 0]
    assert all("no VMs found" in words for _, words in found)
    assert server.header("Authorization", 0) == "Bearer sesame"


@pytest.mark.parametrize(("address", "is_trusted"), [("127.0.0.1", False), ("127.0.0.2", True)])
async def test_one_that_is_not_trusted_or_of_another_host_gets_no_token(
    address: str, is_trusted: bool, tmp_path: Path
) -> None:
    pem = tmp_path / "server.pem"
    async with serving(NO_SUBSCRIPTIONS, tls=certificate_for(address, pem)) as server:
        found = await asked(server, {"SSL_CERT_FILE": str(pem)} if is_trusted else {}, tmp_path)
    assert ([code for code, _ in found], server.requests) == ([4, 4], [])
    why = f"the certificate of 127.0.0.1:{server.port} is not trusted"
    assert all(why in words for _, words in found)


def test_nothing_reads_certificates_where_no_tls_is_spoken(tmp_path: Path) -> None:
    """They are a pipe that nothing writes to: to read it would take for ever."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    environment = {"SSL_CERT_FILE": str(pipe)}
    run, other = str(tmp_path / "run"), str(tmp_path / "other")
    with simulation(environment) as endpoint:
        processes = [
            begun(environment, *scanning(endpoint, run)),
            begun(environment, "plan", "--endpoint", endpoint),
            begun(environment, "demo", "--machines", "3", "--out", other),
        ]
        assert [ended(process)[0] for process in processes] == [0, 0, 0]
        resumed = ended(begun(environment, "resume", run))
    assert (resumed[0], "nothing was scanned" in resumed[2]) == (0, True), resumed


def test_a_context_trusts_nothing_until_it_is_used_and_then_what_the_system_trusts() -> None:
    ordinary = ssl.create_default_context()
    with trust_read_late():
        late = ssl.create_default_context()
    assert isinstance(late, LateTrust)
    assert late.cert_store_stats()["x509"] == 0
    assert (late.verify_mode, late.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert (late.options, late.verify_flags, late.minimum_version) == (
        ordinary.options,
        ordinary.verify_flags,
        ordinary.minimum_version,
    )
    late.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="azure.test")
    assert type(late) is ssl.SSLContext
    assert late.cert_store_stats() == ordinary.cert_store_stats()
    assert (late.verify_mode, late.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_a_context_is_an_ordinary_one_after_the_block_even_if_it_broke() -> None:
    with pytest.raises(ImportError), trust_read_late():
        raise ImportError
    assert type(ssl.create_default_context()) is ssl.SSLContext
