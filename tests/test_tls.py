"""Home-made certificates count the same on each Python; what is wrong with others is said."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.signaling.mqtt import mqtt_options
from agent.signaling.mqtt.mqtt_options import TlsOptions
from agent.tls import advice_on, tls_fault, trust_alike
from agent.webrtc.ice import gather
from tests.signaling.mqtt.certificates import VARIANTS, Authority, home_made
from tests.tls_handshakes import CLIENTS, handshake, page_handshake, serving

OLD, NEW = 0, ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
# flags that the default context of Python has
PYTHONS = {"3.11": OLD, "3.13": NEW}


@pytest.fixture(params=[*PYTHONS.values()], ids=[*PYTHONS])
def python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its default context."""
    original = ssl.create_default_context

    def create(*arguments: object, **options: object) -> ssl.SSLContext:
        context = original(*arguments, **options)  # type: ignore[arg-type]
        context.verify_flags &= ~NEW
        context.verify_flags |= request.param
        return context

    monkeypatch.setattr(ssl, "create_default_context", create)
    gather._tls_context.cache_clear()


@pytest.mark.usefixtures("python")
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_tls_takes_what_a_guide_makes(
    tmp_path: Path, client: Callable[[str], ssl.SSLContext], variant: str
) -> None:
    ca_file, certificate, key = home_made(tmp_path, variant)
    handshake(client(ca_file), serving(certificate, key))


@pytest.mark.usefixtures("python")
@pytest.mark.parametrize("variant", VARIANTS)
def test_tls_page_takes_clients_that_a_guide_makes(tmp_path: Path, variant: str) -> None:
    page_handshake(*home_made(tmp_path, variant))


@pytest.mark.usefixtures("python")
def test_tls_trusts_nobody_else(tmp_path: Path) -> None:
    ours, theirs = home_made(tmp_path / "a", "guide"), home_made(tmp_path / "b", "guide")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(mqtt_options.tls_context(TlsOptions(ours[0])), serving(*theirs[1:]))


def test_tls_alike_says_so_in_flags() -> None:
    context = ssl.create_default_context()
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    trust_alike(context)
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN


@pytest.mark.parametrize(
    ("days", "address", "trusted", "text", "advice", "clock"),
    [
        (-1, "127.0.0.1", True, "expired", "clock", True),
        (1, "127.0.0.2", True, "not valid for '127.0.0.1'", "subjectAltName", False),
        (1, "127.0.0.1", False, "unable to get local issuer", "mqtt.tls.ca_file", False),
    ],
    ids=["expired", "another address", "nobody we know"],
)
def test_tls_fault_of_a_certificate_says_what_to_do(
    tmp_path: Path, days: int, address: str, trusted: bool, text: str, advice: str, clock: bool
) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    server = serving(*authority.issue("server", address=address, days=days))
    client = mqtt_options.tls_context(TlsOptions((authority if trusted else other).file))
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        handshake(client, server)
    fault = tls_fault(caught.value)
    assert text in fault.text
    assert advice in fault.advice
    assert fault.clock is clock


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("WRONG_VERSION_NUMBER", "mqtt.tls.enabled"),
        ("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert", "mqtt.tls.cert_file"),
        ("tlsv1 alert unknown ca", "cafile"),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "has expired"),
        ("UNEXPECTED_EOF_WHILE_READING", "mqtt.port"),
        ("UNSUPPORTED_PROTOCOL", "too old"),
        ("something else", ""),
    ],
)
def test_tls_advice_on_what_openssl_says(text: str, advice: str) -> None:
    assert advice in advice_on(text)
    assert bool(advice_on(text)) is bool(advice)


def test_tls_fault_without_a_certificate_has_the_name_of_the_error() -> None:
    error = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    error.reason = "WRONG_VERSION_NUMBER"
    assert tls_fault(error).text == "WRONG_VERSION_NUMBER"
