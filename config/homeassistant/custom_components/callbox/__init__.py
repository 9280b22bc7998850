"""callbox devices in Home Assistant: the live picture, and sound both ways, in its own player.

Everything else (bell, door, buttons, sensors) comes from the device's MQTT discovery message, which
needs no integration.
"""

from __future__ import annotations

import re

from homeassistant.components import mqtt
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_USERNAME, Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryError, ConfigEntryNotReady

from .const import ANONYMOUS, DOMAIN, UID_PATTERN
from .issues import clear_all

PLATFORMS = [Platform.CAMERA]


async def async_setup_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    if not await mqtt.async_wait_for_mqtt_client(hass):
        raise ConfigEntryNotReady(translation_domain=DOMAIN, translation_key="no_broker")
    name = caller(hass)
    if not re.fullmatch(UID_PATTERN, name):
        raise ConfigEntryError(
            translation_domain=DOMAIN,
            translation_key="username",
            translation_placeholders={"username": name},
        )
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: ConfigEntry) -> None:
    clear_all(hass, entry.entry_id)


def caller(hass: HomeAssistant) -> str:
    """Our uid: the user name that the broker knows us by, or there is none."""
    broker = hass.config_entries.async_entries(mqtt.DOMAIN)[0]
    return broker.data.get(CONF_USERNAME) or ANONYMOUS
