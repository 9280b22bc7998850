"""Certificates for a broker and its clients, made on the spot."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID


class Authority:
    """A certificate authority that keeps its files in one folder."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            _builder(self._name, self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        self.file = self._write(f"{name}.pem", certificate.public_bytes(serialization.Encoding.PEM))

    def issue(
        self, name: str, *, address: str = "127.0.0.1", days: int = 1, rsa_bits: int = 0
    ) -> tuple[str, str]:
        """Certificate and key file for `name`, found at `address`. With negative `days` it ended so
        long ago.
        """
        key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = ec.generate_private_key(
            ec.SECP256R1()
        )
        if rsa_bits:
            key = rsa.generate_private_key(65537, rsa_bits)
        alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            _builder(_name(name), self._name, key.public_key(), days)
            .add_extension(alternative, critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return (
            self._write(f"{name}.pem", certificate.public_bytes(serialization.Encoding.PEM)),
            self._write(f"{name}.key", pem),
        )

    def _write(self, name: str, content: bytes) -> str:
        path = self._folder / name
        path.write_bytes(content)
        # mosquitto drops its privileges
        path.chmod(0o644)
        return str(path)


VARIANTS = ("guide", "not critical", "no key identifiers", "complete", "intermediate alone")


def home_made(folder: Path, variant: str, address: str = "127.0.0.1") -> tuple[str, str, str]:
    """File of the authorities, certificate and key, as one of the usual guides makes them: its
    authority without keyUsage, or with a basicConstraints that is not critical; its certificates
    without key identifiers; or all of it right. With `intermediate alone` the file names nobody
    who vouches for itself.
    """
    folder.mkdir(parents=True, exist_ok=True)
    root = _Signer("root", None, variant)
    signer = _Signer("between", root, "complete") if variant == "intermediate alone" else root
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    builder = _builder(_name("localhost"), signer.name, key.public_key()).add_extension(
        names, critical=False
    )
    if variant != "no key identifiers":
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key())
        builder = builder.add_extension(issuer, critical=False)
    certificate = builder.sign(signer.key, hashes.SHA256())
    files = [folder / name for name in ("ca.pem", "server.pem", "server.key")]
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    encoding = serialization.Encoding.PEM
    contents = (signer.certificate.public_bytes(encoding), certificate.public_bytes(encoding), pem)
    for file, content in zip(files, contents, strict=True):
        file.write_bytes(content)
        file.chmod(0o644)
    return str(files[0]), str(files[1]), str(files[2])


class _Signer:
    """An authority by a guide: one that vouches for itself, or below another one."""

    def __init__(self, name: str, above: _Signer | None, variant: str) -> None:
        self.key, self.name = ec.generate_private_key(ec.SECP256R1()), _name(name)
        issuer = above or self
        usage = x509.KeyUsage(*(False,) * 5, True, *(False,) * 3)
        own = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        builder = (
            _builder(self.name, issuer.name, self.key.public_key())
            .add_extension(
                x509.BasicConstraints(ca=True, path_length=None),
                critical=variant != "not critical",
            )
            .add_extension(own, critical=False)
        )
        if variant != "guide":
            builder = builder.add_extension(usage, critical=True)
        if above is not None:
            identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
            builder = builder.add_extension(identifier, critical=False)
        self.certificate = builder.sign(issuer.key, hashes.SHA256())


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    days: int = 1,
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    end = now + datetime.timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, end) - datetime.timedelta(hours=1))
        .not_valid_after(end)
    )
