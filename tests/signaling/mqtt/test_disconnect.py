"""What a lost connection means, in words, and whether to try again soon."""

from __future__ import annotations

import socket
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
    found = DisconnectReason.of(error)
    assert (found.reason, found.slow) == ("TLS: WRONG_VERSION_NUMBER", True)
    assert "mqtt.tls.enabled" in found.advice


def test_disconnect_reason_of_a_certificate_says_what_is_wrong_with_it() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "certificate has expired"
    assert DisconnectReason.of(error) == DisconnectReason("TLS: certificate has expired", slow=True)


@pytest.mark.parametrize(("value", "slow"), [(135, True), (134, True), (136, False), (128, False)])
def test_disconnect_reason_refused_is_slow_where_soon_cannot_help(value: int, slow: bool) -> None:
    found = DisconnectReason.refused(connack(value))
    assert (found.reason, found.slow, found.code) == (f"refused: {connack(value)}", slow, value)


@pytest.mark.parametrize(
    ("value", "slow", "cut"),
    [
        (139, False, False),
        (0, False, False),
        (128, False, True),
        (135, False, True),
        (149, False, True),
        (157, True, False),
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


def test_disconnect_reasons_that_go_on_cutting_are_slow_in_the_end() -> None:
    """What is cut for is found out at full speed, yet not for ever."""
    reasons = DisconnectReasons("a")
    found = [reasons.of(goodbye(135), float(second)).slow for second in range(60)]
    assert found == [False] * 40 + [True] * 20
    assert not reasons.of(goodbye(135), 500.0).slow


@pytest.mark.parametrize(
    ("code", "clock"), [(9, True), (10, True), (20, False), (62, False)], ids=str
)
def test_disconnect_reason_by_the_clock_is_tried_again_soon(code: int, clock: bool) -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message, error.verify_code = "it is not valid", code
    found = DisconnectReason.of(error)
    assert (found.clock, found.slow) == (clock, not clock)
    assert found.advice


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "mosquitto listens"),
        (socket.gaierror(-2, "Name or service not known"), "DNS"),
        (TimeoutError("timed out"), "firewall"),
        (OSError(113, "No route to host"), "No host answers"),
        (OSError(101, "Network is unreachable"), "no way there"),
        (OSError(5, "something else"), "Check mqtt.host and mqtt.port."),
    ],
)
def test_disconnect_reason_says_what_to_do(error: OSError, advice: str) -> None:
    assert advice in DisconnectReason.of(error).advice


def test_disconnect_reason_closed_by_a_broker_that_had_taken_us_needs_no_advice() -> None:
    assert DisconnectReason.closed("gone", cut=True, taken=True).advice == ""
    assert "mqtt.port" in DisconnectReason.closed("gone", cut=True, taken=False).advice
    late = DisconnectReason.closed("[SSL: ALERT_UNKNOWN_CA]", cut=False, taken=False)
    assert (late.slow, "cafile" in late.advice) == (True, True)
