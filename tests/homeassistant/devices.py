"""Devices as Home Assistant is told of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agent.homeassistant.features import DoorFeature, Features
from agent.settings.models import CARRIED_OUT
from agent.signaling.protocol.topics import Topics

EVERYTHING = Features(
    uid="door-1",
    topics=Topics(),
    name="Front door",
    model="Raspberry Pi Zero 2 W Rev 1.0",
    version="1.0.0",
    page="https://door-1.local:8443/",
    verbs=frozenset(CARRIED_OUT),
    doors=(DoorFeature("door", code=True, contact=True),),
    button=True,
    picture=True,
    speaker=True,
    microphone=True,
    messages=("just-a-moment", "leave-it-at-the-door"),
)
ALL_IDS = {
    *("ring", "missed", "visitor", "call", "last_caller", "answer", "hang_up"),
    *("lock_door", "contact_door", "privacy", "silence", "calls", "say"),
    *("speaker", "microphone", "problem", "undervoltage", "temperature", "wifi"),
}


def features(**changes: Any) -> Features:
    """A device that has everything, but for `changes`."""
    return replace(EVERYTHING, **changes)
