"""Our end of DTLS, beside certificates of every kind."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable

import pytest
from aiortc.rtcdtlstransport import SRTP_PROFILES, RTCCertificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from OpenSSL import SSL

from agent.webrtc.internals.dtls_certificate import CIPHERS, DtlsCertificate


def ours() -> DtlsCertificate:
    return DtlsCertificate.of(RTCCertificate.generateCertificate())


Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

KEYS: dict[str, Callable[[], Key]] = {
    # GStreamer, FreeSWITCH and Kurento make the second; old stacks the first
    "RSA 1024": lambda: rsa.generate_private_key(65_537, 1024),
    "RSA 2048": lambda: rsa.generate_private_key(65_537, 2048),
    "RSA 4096": lambda: rsa.generate_private_key(65_537, 4096),
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
}


def context_of(key: Key) -> SSL.Context:
    """What a peer with a certificate of this key brings."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "remote")])
    now = datetime.datetime.now(tz=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    context = SSL.Context(SSL.DTLS_METHOD)
    # the old ones do not mind keys that are short by today's measure
    context.set_cipher_list(CIPHERS + b"@SECLEVEL=0")
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
    context.use_certificate(certificate)
    context.use_privatekey(key)
    return context


def shake_hands(client: SSL.Connection, server: SSL.Connection) -> None:
    client.set_connect_state()
    server.set_accept_state()
    for _ in range(10):
        for end, other in ((client, server), (server, client)):
            with contextlib.suppress(SSL.WantReadError):
                end.do_handshake()
            try:
                other.bio_write(end.bio_read(65_536))
            except SSL.WantReadError:
                continue


@pytest.mark.parametrize("we_are", ["client", "server"])
@pytest.mark.parametrize("make", KEYS.values(), ids=KEYS)
def test_dtls_certificate_connects_with_one_of_every_kind(
    make: Callable[[], Key], we_are: str
) -> None:
    own = SSL.Connection(ours()._create_ssl_context(SRTP_PROFILES))
    remote = SSL.Connection(context_of(make()))
    ends = (own, remote) if we_are == "client" else (remote, own)
    shake_hands(*ends)
    name = own.get_cipher_name()
    assert name is not None
    assert name.startswith("ECDHE-")
    assert name.endswith("GCM-SHA256")


def test_dtls_certificate_has_one_fingerprint() -> None:
    certificate = RTCCertificate.generateCertificate()
    everything = certificate.getFingerprints()
    (only,) = DtlsCertificate.of(certificate).getFingerprints()
    assert only.algorithm == "sha-256"
    assert only in everything


@pytest.mark.parametrize("asking", ["client", "server"])
def test_dtls_certificate_refuses_renegotiation_in_either_role(asking: str) -> None:
    """RFC 8827 6.5."""
    ends: dict[str, SSL.Connection] = {}
    for role in ("client", "server"):
        certificate = RTCCertificate.generateCertificate()
        if role != asking:
            certificate = DtlsCertificate.of(certificate)
        ends[role] = SSL.Connection(certificate._create_ssl_context(SRTP_PROFILES))
    ends["client"].set_connect_state()
    ends["server"].set_accept_state()
    asked, asking_end = ends["server" if asking == "client" else "client"], ends[asking]

    def talk() -> None:
        for _ in range(10):
            for end, other in ((asking_end, asked), (asked, asking_end)):
                for act in (end.do_handshake, lambda end=end: end.recv(100)):
                    try:
                        act()
                    except SSL.Error:
                        continue
                try:
                    other.bio_write(end.bio_read(65_536))
                except SSL.Error:
                    continue

    talk()
    assert asked.get_cipher_name() is not None
    assert asking_end.total_renegotiations() == 0
    asking_end.renegotiate()
    before = asked.get_finished()
    talk()
    assert asked.get_finished() == before
