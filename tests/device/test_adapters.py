"""What the settings become."""

from __future__ import annotations

from agent.device.adapters import mqtt_options
from agent.settings.models import Settings
from agent.signaling.mqtt.mqtt_options import MqttOptions


def test_the_connection_to_the_broker_is_as_set() -> None:
    settings = Settings.model_validate(
        {
            "uid": "door-1",
            "mqtt": {
                "host": "192.0.2.1",
                "keepalive": 60,
                "retry_longest": 120,
                "password": "secret",
            },
        }
    )
    options = mqtt_options(settings)
    assert (options.host, options.client_id, options.password) == (
        "192.0.2.1",
        "callbox-door-1",
        "secret",
    )
    assert (options.keepalive, options.retry_longest, options.tls) == (60, 120, None)
    assert options.retry_first <= options.retry_longest


def test_a_broker_that_is_away_is_tried_as_often_as_by_default_elsewhere() -> None:
    options, usual = mqtt_options(Settings.model_validate({"uid": "door-1"})), MqttOptions()
    assert (options.retry_first, options.retry_longest) == (usual.retry_first, usual.retry_longest)
