"""Where the demo's page is: on loopback for this machine, or on one address of the network
with a certificate and a password that are made for it.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agent.errors import ConfigurationError
from agent.web.web_options import WebOptions

_GOOD_FOR = timedelta(days=7)


def check_host(host: str) -> None:
    """Raises ConfigurationError for what is no single address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if address is None or address.is_unspecified or address.is_multicast:
        raise ConfigurationError(
            [f"--host: {host!r} is not one address of this machine, such as 192.0.2.20"]
        )


def page_options(host: str, port: int, folder: Path) -> WebOptions:
    """`folder` gets certificate and key where they are needed."""
    plain = WebOptions(host, port)
    if plain.is_loopback:
        return plain
    certificate, key = _self_signed(host, folder)
    return WebOptions(host, port, certificate, key, password=secrets.token_urlsafe(12))


def describe_access(options: WebOptions, environ: Mapping[str, str]) -> Iterator[str]:
    """How to get in, beyond the address: a line each."""
    if options.certificate is not None:
        print_of = x509.load_pem_x509_certificate(options.certificate.read_bytes())
        yield f"password: {options.password} (any user name)"
        yield "the browser warns of the certificate; its SHA-256 fingerprint is"
        yield f"  {print_of.fingerprint(hashes.SHA256()).hex(':').upper()}"
        return
    # the addresses and ports of both ends
    words = environ.get("SSH_CONNECTION", "").split()
    if len(words) == 4:
        where = f"{environ.get('USER', 'USER')}@{words[2]}"
        yield f"on your own computer: ssh -L {options.port}:{options.host}:{options.port} {where}"


def _self_signed(host: str, folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "callbox demo")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # a phone's clock may be behind
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _GOOD_FOR)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    files = folder / "page.pem", folder / "page.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].touch(0o600)
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files
