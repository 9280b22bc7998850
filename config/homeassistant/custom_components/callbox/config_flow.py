"""A device is found by its retained `about`, and added when somebody confirms it. One under a topic
prefix of its own is added by hand.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from homeassistant.components import mqtt
from homeassistant.config_entries import ConfigFlow, ConfigFlowResult
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.service_info.mqtt import MqttServiceInfo
from homeassistant.util.json import json_loads_object

from . import caller

try:
    import probatio as forms
except ImportError:
    # before 2026.11
    import voluptuous as forms  # type: ignore[no-redef]

from .const import CONF_PREFIX, CONF_UID, DEFAULT_PREFIX, DOMAIN, UID_PATTERN

# seconds for a retained message
PATIENCE = 5
PREFIX_PATTERN = r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*"


class CallboxConfigFlow(ConfigFlow, domain=DOMAIN):
    VERSION = 1

    _prefix = _uid = _model = ""

    async def async_step_mqtt(self, discovery_info: MqttServiceInfo) -> ConfigFlowResult:
        self._prefix, self._uid, _ = discovery_info.topic.rsplit("/", 2)
        return await self._found(discovery_info.payload)

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        if not await mqtt.async_wait_for_mqtt_client(self.hass):
            return self.async_abort(reason="no_broker")
        errors: dict[str, str] = {}
        given = user_input or {CONF_PREFIX: DEFAULT_PREFIX}
        if user_input is not None:
            self._prefix, self._uid = user_input[CONF_PREFIX].strip("/ "), user_input[CONF_UID]
            if not re.fullmatch(PREFIX_PATTERN, self._prefix):
                errors[CONF_PREFIX] = "prefix"
            if not re.fullmatch(UID_PATTERN, self._uid):
                errors[CONF_UID] = "uid"
            if not errors:
                payload = await retained(self.hass, f"{self._prefix}/{self._uid}/about")
                if payload is not None:
                    return await self._found(payload)
                errors["base"] = "not_found"
        schema = forms.Schema({forms.Required(CONF_PREFIX): str, forms.Required(CONF_UID): str})
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(schema, given),
            errors=errors,
        )

    async def _found(self, payload: str | bytes | bytearray) -> ConfigFlowResult:
        try:
            about = json_loads_object(payload)
        except ValueError:
            # an empty payload, too: it was removed
            return self.async_abort(reason="no_device")
        if about.get("uid") != self._uid:
            return self.async_abort(reason="no_device")
        self._model = str(about.get("model") or "callbox")
        await self.async_set_unique_id(f"{self._prefix}/{self._uid}")
        self._abort_if_unique_id_configured()
        self.context["title_placeholders"] = {"name": self._uid}
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        if user_input is not None:
            data = {CONF_PREFIX: self._prefix, CONF_UID: self._uid}
            return self.async_create_entry(title=self._uid, data=data)
        words = {"name": self._uid, "model": self._model, "caller": caller(self.hass)}
        return self.async_show_form(step_id="confirm", description_placeholders=words)


async def retained(hass: HomeAssistant, topic: str) -> str | None:
    """The retained message of a topic; None where there is none."""
    found: asyncio.Future[str] = hass.loop.create_future()

    @callback
    def received(message: mqtt.ReceiveMessage) -> None:
        if not found.done():
            found.set_result(str(message.payload))

    end = await mqtt.async_subscribe(hass, topic, received, 1)
    try:
        async with asyncio.timeout(PATIENCE):
            return await found
    except TimeoutError:
        return None
    finally:
        end()
