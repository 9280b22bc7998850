"""The device page: the one that the device's MQTT discovery message has made, where there is one.

Two integrations cannot share a device any more (2026.8), yet an entity can join another's.
"""

from __future__ import annotations

from collections.abc import Callable

from homeassistant.components import mqtt
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from .names import slug


def identifier(uid: str) -> tuple[str, str]:
    """As the discovery message names the device."""
    return mqtt.DOMAIN, f"callbox_{slug(uid)}"


def discovered(hass: HomeAssistant, uid: str) -> dr.DeviceEntry | None:
    """The device of the discovery message."""
    broker = hass.config_entries.async_entries(mqtt.DOMAIN)[0]
    return _find(hass, identifier(uid), broker.entry_id)


def forget_own(hass: HomeAssistant, identifier: tuple[str, str], entry_id: str) -> None:
    """Remove the device that the entry had made for itself, before the other one was there."""
    own = _find(hass, identifier, entry_id)
    if own is not None:
        dr.async_get(hass).async_remove_device(own.id)


def _find(hass: HomeAssistant, wanted: tuple[str, str], entry_id: str) -> dr.DeviceEntry | None:
    registry = dr.async_get(hass)
    if hasattr(registry, "async_get_device_by_identifier"):
        return registry.async_get_device_by_identifier(wanted, entry_id)
    return registry.async_get_device(identifiers={wanted})


@callback
def when_discovered(
    hass: HomeAssistant, uid: str, known: str | None, found: Callable[[], None]
) -> Callable[[], None]:
    """Call `found` once the discovery message makes another device than the one with the id
    `known`; returns what ends the waiting.
    """

    @callback
    def changed(event: Event[dr.EventDeviceRegistryUpdatedData]) -> None:
        if event.data["action"] == "create":
            device = discovered(hass, uid)
            if device is not None and device.id != known:
                found()

    return hass.bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, changed)
