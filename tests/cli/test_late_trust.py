"""TLS of the command line, which reads the certificates it trusts late: it trusts no more and no less."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fleetscan.cli.late_trust import LateTrust, trust_read_late
from tests.azure.loopback_server import Answer, LoopbackServer, serving
from tests.cli.processes import begun, ended

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


async def asked(
    command: str, server: LoopbackServer, environment: Mapping[str, str], folder: Path
) -> tuple[int, str]:
    """The exit code and the words of a fleetscan that asks `server` over TLS."""
    runs = ("--runs", str(folder)) if command == "scan" else ()
    endpoint = f"https://127.0.0.1:{server.port}"
    code, _, words = await asyncio.to_thread(
        lambda: ended(begun(environment, command, "--endpoint", endpoint, *runs))
    )
    return code, words


@pytest.mark.parametrize("command", ["scan", "plan"])
async def test_a_certificate_that_the_system_trusts_is_taken(command: str, tmp_path: Path) -> None:
    pem = tmp_path / "server.pem"
    async with serving(NO_SUBSCRIPTIONS, tls=certificate_for("127.0.0.1", pem)) as server:
        code, words = await asked(command, server, {"SSL_CERT_FILE": str(pem)}, tmp_path)
    assert (code, server.header("Authorization", 0)) == (0, "Bearer sesame")
    assert "no VMs found" in words


@pytest.mark.parametrize("command", ["scan", "plan"])
async def test_one_that_it_does_not_trust_gets_no_token(command: str, tmp_path: Path) -> None:
    tls = certificate_for("127.0.0.1", tmp_path / "server.pem")
    async with serving(NO_SUBSCRIPTIONS, tls=tls) as server:
        code, words = await asked(command, server, {}, tmp_path)
    assert (code, server.requests) == (4, [])
    assert f"the certificate of 127.0.0.1:{server.port} is not trusted" in words


@pytest.mark.parametrize("command", ["scan", "plan"])
async def test_one_of_another_host_gets_no_token(command: str, tmp_path: Path) -> None:
    pem = tmp_path / "server.pem"
    async with serving(NO_SUBSCRIPTIONS, tls=certificate_for("127.0.0.2", pem)) as server:
        code, words = await asked(command, server, {"SSL_CERT_FILE": str(pem)}, tmp_path)
    assert (code, server.requests) == (4, [])
    assert f"the certificate of 127.0.0.1:{server.port} is not trusted" in words


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
