"""Who hears of the link has to hear all of it."""

from __future__ import annotations

from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.link_listener import LinkListener


def test_link_listener_is_what_the_connection_is() -> None:
    wanted = {name for name in vars(LinkListener) if name.startswith("link_")}
    assert wanted
    assert wanted <= {*dir(MqttBroker)}
