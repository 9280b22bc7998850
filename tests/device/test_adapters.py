"""What the settings become."""

from __future__ import annotations

from agent.device.adapters import client_options, mqtt_options
from agent.settings.models import Settings


def test_client_options_are_as_set() -> None:
    settings = Settings.model_validate(
        {"uid": "door-1", "max_conversations": 3, "call": {"setup_timeout": 20}}
    )
    options = client_options(settings)
    assert (options.max_conversations, options.timing.setup) == (3, 20)
    assert mqtt_options(settings).client_id == "callbox-door-1"
