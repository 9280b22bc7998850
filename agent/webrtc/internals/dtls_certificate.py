"""Our end of DTLS: the certificate, what is said of it, and which ciphers it goes with."""

from __future__ import annotations

from typing import Any

from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint
from OpenSSL import SSL

# RFC 8827 6.5 asks for the first. Ours is a certificate of ECDSA; a remote peer that is the DTLS
# server may have one of RSA (GStreamer, FreeSWITCH and Kurento make those).
CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
    b":ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
    b":ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA"
)


class DtlsCertificate(RTCCertificate):
    """A certificate as every remote peer takes it (RFC 8122, RFC 8827 6.5)."""

    @classmethod
    def of(cls, certificate: RTCCertificate) -> DtlsCertificate:
        """The same certificate and key."""
        return cls(key=certificate._key, cert=certificate._cert)

    def getFingerprints(self) -> list[RTCDtlsFingerprint]:  # noqa: N802 - W3C's name
        """SHA-256 alone: libdatachannel takes any one of several, and then fails now and then."""
        return [each for each in super().getFingerprints() if each.algorithm == "sha-256"]

    def _create_ssl_context(self, *args: Any, **options: Any) -> SSL.Context:
        context = super()._create_ssl_context(*args, **options)
        context.set_cipher_list(CIPHERS)
        # RFC 8827 6.5, whichever role is ours
        context.set_options(SSL.OP_NO_RENEGOTIATION)
        return context
