"""The camera of a device. A browser's offer becomes an invitation, its response the answer."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from homeassistant.components import camera, mqtt
from homeassistant.components.camera import (
    Camera,
    CameraEntityFeature,
    WebRTCAnswer,
    WebRTCCandidate,
    WebRTCError,
    WebRTCMessage,
    WebRTCSendMessage,
)
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_CORE_CONFIG_UPDATE
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.json import json_dumps
from homeassistant.helpers.translation import async_get_cached_translations, async_get_translations
from homeassistant.util import dt as dt_util
from homeassistant.util.json import json_loads_object
from webrtc_models import RTCIceCandidateInit

from . import caller
from .calls import DeviceCalls
from .const import CONF_PREFIX, CONF_UID, DOMAIN
from .device_link import discovered, forget_own, when_discovered
from .issues import NO_STATUS, clear, raise_issue
from .pacing import Body, Cancel, Pacer
from .reasons import ISSUES, issue_of, sentence_of

_LOGGER = logging.getLogger(__name__)

# seconds for the retained status to arrive, after which the broker's rules are to blame
STATUS_PATIENCE = 10
# seconds; the broker drops a visitor's picture after that, and so do we
SNAPSHOT_LIFE = 24 * 3600


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    await load_words(hass)
    device = discovered(hass, entry.data[CONF_UID])
    entity = CallboxCamera(entry, caller(hass), device)
    entry.runtime_data = entity
    async_add_entities([entity])
    if device is not None:
        forget_own(hass, entity.own_device, entry.entry_id)


async def load_words(hass: HomeAssistant) -> None:
    """The sentences in the language of now, to be had without waiting."""
    await async_get_translations(hass, hass.config.language, "exceptions", [DOMAIN])


class CallboxCamera(Camera):
    """Of one device."""

    _attr_has_entity_name = True
    _attr_name = None
    _attr_supported_features = CameraEntityFeature.STREAM
    _attr_brand = "callbox"

    def __init__(self, entry: ConfigEntry, household: str, device: dr.DeviceEntry | None) -> None:
        super().__init__()
        uid, prefix = entry.data[CONF_UID], entry.data[CONF_PREFIX]
        self.uid, self.household = uid, household
        self.about: Body = {}
        self.status: Body = {}
        # how the last invitations were answered, and when: for diagnostics
        self.answers: deque[tuple[str, str]] = deque(maxlen=20)
        self._entry = entry
        self._base = f"{prefix}/{uid}"
        self._inbox = f"{prefix}/{household}/signal/{uid}"
        self._outbox = f"{prefix}/{uid}/signal/{household}"
        self._visitor: tuple[float, bytes] | None = None
        self._attr_unique_id = f"{prefix}/{uid}"
        self.own_device = (DOMAIN, f"{prefix}/{uid}")
        self.device_entry = device
        self._joined = None if device is None else device.id
        if device is None:
            self._attr_device_info = dr.DeviceInfo(
                identifiers={self.own_device}, name=uid, manufacturer="callbox"
            )

    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self._pacer = Pacer(self._publish, self._call_later, time.monotonic)
        self.calls = DeviceCalls(
            self._say,
            self._call_later,
            monotonic=time.monotonic,
            wall=dt_util.utcnow,
            tell=self._on_answer,
            changed=self._on_change,
        )
        for topic, listener in (
            (self._inbox, self._on_signal),
            (f"{self._base}/status", self._on_status),
            (f"{self._base}/about", self._on_about),
        ):
            self.async_on_remove(await mqtt.async_subscribe(self.hass, topic, _parsed(listener), 1))
        snapshot = f"{self._base}/snapshot"
        self.async_on_remove(
            await mqtt.async_subscribe(self.hass, snapshot, self._on_snapshot, 1, None)
        )
        self.async_on_remove(mqtt.async_subscribe_connection_status(self.hass, self._on_connection))
        self.async_on_remove(
            self.hass.bus.async_listen(EVENT_CORE_CONFIG_UPDATE, self._on_configuration)
        )
        self.async_on_remove(self._call_later(STATUS_PATIENCE, self._miss_status))
        self.async_on_remove(when_discovered(self.hass, self.uid, self._joined, self._reload))

    async def async_will_remove_from_hass(self) -> None:
        self.calls.end_all("shutdown", close=True)
        self._pacer.stop()
        await super().async_will_remove_from_hass()

    # -- what the device says of itself ------------------------------------------------------------

    @property
    def available(self) -> bool:
        return self.status.get("state") == "online" and mqtt.is_connected(self.hass)

    async def _on_configuration(self, _event: Event) -> None:
        await load_words(self.hass)

    @callback
    def _on_connection(self, connected: bool) -> None:
        if connected and caller(self.hass) != self.household:
            # somebody has given us another name at the broker
            self._reload()
        self.async_write_ha_state()

    @callback
    def _on_status(self, body: Body, _retained: bool) -> None:
        self.status = body
        clear(self.hass, self._entry.entry_id, NO_STATUS)
        if body.get("state") != "online":
            self.calls.end_all("offline", close=False)
        self.async_write_ha_state()

    @callback
    def _on_about(self, body: Body, _retained: bool) -> None:
        self.about = body
        sound = body.get("audio")
        hears = bool(sound.get("playback")) if isinstance(sound, dict) else bool(sound)
        # not in 2026.2; counts where the preview feature of Home Assistant is on
        if hasattr(camera, "CameraEntityCapabilities"):
            self._attr_camera_entity_capabilities = camera.CameraEntityCapabilities(
                two_way_audio=hears
            )
        self.async_write_ha_state()

    @callback
    def _miss_status(self) -> None:
        if not self.status and mqtt.is_connected(self.hass):
            self._raise(NO_STATUS)

    @callback
    def _reload(self) -> None:
        self.hass.config_entries.async_schedule_reload(self._entry.entry_id)

    # -- the still picture -------------------------------------------------------------------------

    async def async_camera_image(
        self, width: int | None = None, height: int | None = None
    ) -> bytes | None:
        """The last visitor; nobody's card wakes the camera."""
        if self._visitor is None or time.monotonic() - self._visitor[0] > SNAPSHOT_LIFE:
            return None
        return self._visitor[1]

    @callback
    def _on_snapshot(self, message: mqtt.ReceiveMessage) -> None:
        picture, self._visitor = message.payload, None
        if isinstance(picture, bytes) and picture:
            self._visitor = time.monotonic(), picture

    # -- the live picture --------------------------------------------------------------------------

    async def async_handle_async_webrtc_offer(
        self, offer_sdp: str, session_id: str, send_message: WebRTCSendMessage
    ) -> None:
        player = BrowserPlayer(send_message, self._sentence)
        if not mqtt.is_connected(self.hass):
            player.over("no_broker")
        elif not self.available:
            player.over("offline")
        else:
            self.calls.offer(session_id, offer_sdp, player)

    async def async_on_webrtc_candidate(
        self, session_id: str, candidate: RTCIceCandidateInit
    ) -> None:
        line = {
            "candidate": candidate.candidate,
            "sdpMid": candidate.sdp_mid,
            "sdpMLineIndex": candidate.sdp_m_line_index,
        }
        self.calls.candidate(session_id, line if candidate.candidate else None)

    @callback
    def close_webrtc_session(self, session_id: str) -> None:
        self.calls.leave(session_id)

    @callback
    def _on_signal(self, body: Body, retained: bool) -> None:
        if not retained:
            self.calls.signal(body)

    @callback
    def _on_change(self) -> None:
        self._attr_is_streaming = self.calls.accepted > 0
        self.async_write_ha_state()

    @callback
    def _on_answer(self, code: str | None) -> None:
        self.answers.append((dt_util.utcnow().isoformat(timespec="seconds"), code or "accepted"))
        if code is None:
            clear(self.hass, self._entry.entry_id, *ISSUES.values())
        elif (key := issue_of(code)) is not None:
            self._raise(key)

    def _raise(self, key: str) -> None:
        words = {"name": self.uid, "caller": self.household, "inbox": self._inbox}
        raise_issue(self.hass, self._entry.entry_id, key, outbox=self._outbox, **words)

    def _sentence(self, code: str) -> str:
        key = f"component.{DOMAIN}.exceptions.{sentence_of(code)}.message"
        language = self.hass.config.language
        found = async_get_cached_translations(self.hass, language, "exceptions", DOMAIN)
        return found.get(key, "{name}: {reason}").format(
            name=self._entry.title, caller=self.household, reason=code.replace("_", " ")
        )

    # -- the way out -------------------------------------------------------------------------------

    def _call_later(self, seconds: float, then: Callable[[], None]) -> Cancel:
        return async_call_later(self.hass, seconds, callback(lambda _now: then()))

    @callback
    def _say(self, body: Body) -> None:
        self._pacer.say(body, len(body.get("sdp", "")) + 400)

    @callback
    def _publish(self, body: Body) -> None:
        # what the broker does not confirm shows by the patience of a call
        self._entry.async_create_background_task(
            self.hass, self._send(json_dumps(body)), f"callbox {self.uid} {body['type']}"
        )

    async def _send(self, payload: str) -> None:
        try:
            await mqtt.async_publish(self.hass, self._outbox, payload, qos=1)
        except HomeAssistantError as error:
            _LOGGER.debug("%s: not published: %s", self.uid, error)


class BrowserPlayer:
    """The player of a dashboard, at the other end of Home Assistant's WebSocket."""

    def __init__(self, send: WebRTCSendMessage, sentence: Callable[[str], str]) -> None:
        self._send_message, self._sentence = send, sentence

    def answer(self, sdp: str) -> None:
        self._send(WebRTCAnswer(sdp))

    def candidate(self, candidate: dict[str, Any]) -> None:
        given = RTCIceCandidateInit(
            candidate["candidate"],
            sdp_mid=candidate.get("sdpMid"),
            sdp_m_line_index=candidate.get("sdpMLineIndex"),
        )
        self._send(WebRTCCandidate(given))

    def over(self, code: str) -> None:
        self._send(WebRTCError(code, self._sentence(code)))

    def _send(self, message: WebRTCMessage) -> None:
        self._send_message(message)


def _parsed(
    listener: Callable[[Body, bool], None],
) -> Callable[[mqtt.ReceiveMessage], None]:
    """What is not a JSON object is dropped."""

    @callback
    def received(message: mqtt.ReceiveMessage) -> None:
        try:
            body = json_loads_object(message.payload)
        except ValueError:
            return
        listener(body, message.retain)

    return received
