"""What a lost connection means, in words, and whether to try again soon."""

from __future__ import annotations

import ssl

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from agent.errors import SignalingError
from agent.signaling.mqtt.disconnect import DisconnectReason, DisconnectReasons

TAKEN_OVER = 142


def connack(value: int) -> ReasonCode:
    return ReasonCode(PacketTypes.CONNACK, identifier=value)


def goodbye(value: int) -> ReasonCode:
    return ReasonCode(PacketTypes.DISCONNECT, identifier=value)


@pytest.mark.parametrize(
    ("error", "reason", "slow"),
    [
        (SignalingError("client certificate x: gone"), "client certificate x: gone", True),
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused", False),
        (OSError(), "OSError", False),
        (TimeoutError("timed out"), "timed out", False),
    ],
)
def test_disconnect_reason_of_an_error(
    error: SignalingError | OSError, reason: str, slow: bool
) -> None:
    found = DisconnectReason.of(error)
    assert found.reason.startswith(reason)
    assert found.slow is slow


def test_disconnect_reason_of_tls_has_the_name_of_the_fault() -> None:
    error = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    error.reason = "WRONG_VERSION_NUMBER"
    assert DisconnectReason.of(error) == DisconnectReason("TLS: WRONG_VERSION_NUMBER", slow=True)


def test_disconnect_reason_of_a_certificate_says_what_is_wrong_with_it() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "certificate has expired"
    assert DisconnectReason.of(error) == DisconnectReason("TLS: certificate has expired", slow=True)


@pytest.mark.parametrize(("value", "slow"), [(135, True), (134, True), (136, False), (128, False)])
def test_disconnect_reason_refused_is_slow_where_soon_cannot_help(value: int, slow: bool) -> None:
    found = DisconnectReason.refused(connack(value))
    assert found == DisconnectReason(f"refused: {connack(value)}", slow=slow)


@pytest.mark.parametrize(
    ("value", "slow", "cut"),
    [
        (139, False, False),
        (0, False, False),
        (128, False, True),
        (135, True, True),
        (149, True, True),
        (152, False, False),
    ],
)
def test_disconnect_reasons_ended_by_the_broker(value: int, slow: bool, cut: bool) -> None:
    """`cut`: it may be for what we have published."""
    found = DisconnectReasons("a").of(goodbye(value), 0.0)
    assert found.reason == f"ended by the broker: {goodbye(value)}"
    assert (found.slow, found.cut) == (slow, cut)


@pytest.mark.parametrize(("seconds", "slow"), [(599.0, True), (601.0, False)])
def test_disconnect_reasons_taken_over_once_may_be_an_accident(seconds: float, slow: bool) -> None:
    reasons = DisconnectReasons("a")
    first = reasons.of(goodbye(TAKEN_OVER), 100.0)
    again = reasons.of(goodbye(TAKEN_OVER), 100.0 + seconds)
    assert "another client took over the client id a" in first.reason
    assert (first.slow, again.slow) == (False, slow)
