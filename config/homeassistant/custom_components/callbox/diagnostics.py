"""What helps to find a fault, without a picture, an address or a description in it."""

from __future__ import annotations

from typing import Any

from homeassistant.components import mqtt
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from .camera import CallboxCamera


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: ConfigEntry
) -> dict[str, Any]:
    entity: CallboxCamera = entry.runtime_data
    return {
        "entry": dict(entry.data),
        "broker_connected": mqtt.is_connected(hass),
        "household": entity.household,
        "on_the_device_of_mqtt_discovery": entity.device_info is None,
        "status": entity.status,
        "about": entity.about,
        "calls": entity.calls.describe(),
        "answers": list(entity.answers),
    }
