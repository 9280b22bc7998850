"""Whom TLS trusts, alike on every Python; and what is wrong with the other end, in words.

Since Python 3.13 a default context refuses certificates without the extensions that RFC 5280 asks
for, which most guides to a home-made authority leave out, and takes an intermediate that is named
as an authority; before, it was the other way round. Here both are taken, as by curl and mosquitto.
"""

from __future__ import annotations

import ssl
from typing import NamedTuple

_REMAKE = "Make the authority's certificate again with"
# X509_V_ERR_... of OpenSSL: what its message does not say
_CERTIFICATES: dict[int, str] = {
    9: "Check this machine's clock (timedatectl): the certificate counts from a later day on.",
    10: "Check this machine's clock (timedatectl), and renew the broker's certificate.",
    18: "Name the certificate in mqtt.tls.ca_file: it vouches for itself.",
    19: "Name the authority that signed the certificate in mqtt.tls.ca_file.",
    20: "Name the authority that signed the certificate in mqtt.tls.ca_file.",
    21: "Name the authority that signed the certificate in mqtt.tls.ca_file, or have the broker "
    "send the intermediate certificates as well.",
    26: "Make the broker's certificate again with extendedKeyUsage=serverAuth, or without any "
    "extendedKeyUsage: it is not for servers.",
    32: f"{_REMAKE} -addext keyUsage=critical,keyCertSign: its keyUsage does not let it sign.",
    62: "mqtt.host has to be one of the names in the certificate's subjectAltName (DNS:...); its "
    "common name does not count. Make it again with that extension, or use the name that it has.",
    64: "mqtt.host is an address, which the certificate's subjectAltName has to have (IP:...). "
    "Make it again with that extension, or use the name that it has.",
    66: "Make the certificate again with a key of 2048 bits (RSA) or 256 bits (EC).",
    67: f"{_REMAKE} a key of 2048 bits (RSA) or 256 bits (EC).",
    79: f"{_REMAKE} -addext basicConstraints=critical,CA:TRUE and -addext "
    "keyUsage=critical,keyCertSign: it does not say that it is an authority.",
    68: f"{_REMAKE} -sha256: its signature is of an algorithm that is not safe any more.",
}
_CLOCK = (9, 10)
_NOT_TLS = (
    "The port does not speak TLS: set mqtt.port to the one that does (usually 8883), or "
    "mqtt.tls.enabled to false."
)
_NO_COMMON = "The broker is too old, or set to versions or ciphers of TLS that are not safe."
# parts of the name of an error of OpenSSL, in order of search
_ERRORS: tuple[tuple[str, str], ...] = (
    ("WRONG_VERSION_NUMBER", _NOT_TLS),
    ("PACKET_LENGTH_TOO_LONG", _NOT_TLS),
    ("RECORD_LAYER_FAILURE", _NOT_TLS),
    ("HTTP_REQUEST", _NOT_TLS),
    (
        "CERTIFICATE_REQUIRED",
        "The broker wants a certificate of this device: set mqtt.tls.cert_file and key_file.",
    ),
    (
        "ALERT_UNKNOWN_CA",
        "The broker does not know who signed this device's certificate (mqtt.tls.cert_file): have "
        "it signed by an authority that the broker has (mosquitto: cafile).",
    ),
    (
        "ALERT_CERTIFICATE_EXPIRED",
        "This device's certificate (mqtt.tls.cert_file) has expired, or is not valid yet by the "
        "broker's clock: renew it.",
    ),
    (
        "ALERT_CERTIFICATE_REVOKED",
        "The broker has this device's certificate (mqtt.tls.cert_file) on its list of revoked "
        "ones: have a new one signed.",
    ),
    (
        "CERTIFICATE",
        "The broker does not take this device's certificate (mqtt.tls.cert_file): see its log.",
    ),
    ("UNSUPPORTED_PROTOCOL", _NO_COMMON),
    ("ALERT_PROTOCOL_VERSION", _NO_COMMON),
    ("DH_KEY_TOO_SMALL", _NO_COMMON),
    (
        "HANDSHAKE_FAILURE",
        "The broker wants a certificate of this device (mqtt.tls.cert_file), or has no cipher in "
        "common with it.",
    ),
    (
        "UNRECOGNIZED_NAME",
        "The server does not know the name that mqtt.host gives: use the one that it has.",
    ),
    ("EOF", "The port closes before TLS begins: perhaps it does not speak TLS. Check mqtt.port."),
)


class TlsFault(NamedTuple):
    """`text` is what failed, `advice` what to do, for the broker's settings. `clock`: it may be
    right once this machine's clock is.
    """

    text: str
    advice: str
    clock: bool


def trust_alike(context: ssl.SSLContext) -> None:
    """Have `context` trust the same certificates on each version of Python."""
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def tls_fault(error: ssl.SSLError) -> TlsFault:
    """What is wrong, of an error of a handshake."""
    if isinstance(error, ssl.SSLCertVerificationError):
        code = getattr(error, "verify_code", 0)
        text = getattr(error, "verify_message", "") or error.reason or str(error)
        return TlsFault(text.rstrip("."), _CERTIFICATES.get(code, ""), code in _CLOCK)
    text = error.reason or str(error)
    return TlsFault(text, advice_on(text), clock=False)


def advice_on(text: str) -> str:
    """What to do about an error of OpenSSL, of which there is only the text."""
    name = text.upper().replace(" ", "_")
    return next((advice for part, advice in _ERRORS if part in name), "")
