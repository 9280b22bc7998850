"""It is looked once for each reason, until a broker takes us."""

from __future__ import annotations

import pytest

from agent.signaling.mqtt.disconnect import DisconnectReason
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.mqtt.probe import Listening
from agent.signaling.mqtt.second_look import SecondLook

LOSS = DisconnectReason("gone", cut=True)
FOUND = DisconnectReason(Listening.OLD, slow=True, advice="do this")


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []

    def look(host: str, port: int, _tls: object) -> DisconnectReason | None:
        found.append((host, port))
        return FOUND if len(found) == 1 else None

    monkeypatch.setattr("agent.signaling.mqtt.second_look.look", look)
    return found


def test_second_look_is_taken_once(looks: list[tuple[str, int]]) -> None:
    second = SecondLook(MqttOptions(port=7))
    for _ in range(3):
        found = second.at(LOSS, None)
        assert (found.reason, found.advice, found.cut) == (Listening.OLD, "do this", True)
    assert looks == [("127.0.0.1", 7)]
    second.forget()
    assert second.at(LOSS, None) is LOSS
    assert len(looks) == 2


@pytest.mark.parametrize(
    "options", [MqttOptions(second_look=False), MqttOptions(transport="websockets")]
)
def test_second_look_is_not_taken_where_it_would_show_nothing(
    looks: list[tuple[str, int]], options: MqttOptions
) -> None:
    assert SecondLook(options).at(LOSS, None) is LOSS
    assert looks == []
