"""The retained `settings` of a device (PROTOCOL 6): what an operator has set from afar."""

from __future__ import annotations

from typing import Any

from agent.device.retained import Retained
from agent.signaling.protocol import messages as wire


class OperatorSettings:
    """Several parts keep a field each; a change of any is published, and what stands is not said
    twice.
    """

    def __init__(self, retained: Retained, topic: str) -> None:
        self._retained = retained
        self._topic = topic
        self._stands = wire.DeviceSettings()
        self._said: bytes | None = None

    def change(self, **fields: Any) -> None:
        """From now on these fields of `DeviceSettings`; None: the device has not got it."""
        self._stands = self._stands.model_copy(update=fields)
        payload = wire.encode(self._stands)
        if payload != self._said:
            self._said = payload
            self._retained.say(self._topic, payload)
