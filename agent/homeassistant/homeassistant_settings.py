"""The settings of the discovery by Home Assistant."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from agent.options import LIVE, Section
from agent.signaling.protocol.topics import Topics


def _levels(prefix: str) -> str:
    """Levels of a topic, as those of `topic_prefix`."""
    return Topics(prefix).prefix


class HomeAssistantSettings(Section):
    """Shows the device in Home Assistant, by MQTT discovery: docs/integrations.md says what appears
    there, and for which verbs of `commands`.
    """

    enabled: Annotated[bool, LIVE] = Field(
        default=False,
        description="Whether to announce the device. Switched off, it is taken from Home "
        "Assistant again.",
    )
    prefix: Annotated[str, AfterValidator(_levels), LIVE] = Field(
        default="homeassistant",
        description="Where Home Assistant listens: the discovery prefix of its MQTT integration.",
    )
    name: Annotated[str, LIVE] = Field(
        default="",
        max_length=64,
        examples=["Front door"],
        description="What it calls the device; the uid unless given. Entities keep their ids when "
        "it changes.",
    )
