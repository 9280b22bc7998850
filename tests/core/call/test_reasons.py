"""The words of a call."""

from __future__ import annotations

import pytest

from agent.core.call.reasons import AudioDirection, CloseReason


def test_close_reason_of_a_newer_protocol_is_unknown() -> None:
    assert CloseReason.parse("low_power") is CloseReason.LOW_POWER
    assert CloseReason.parse("out_of_coffee") is CloseReason.UNKNOWN_REASON


@pytest.mark.parametrize(
    ("direction", "sends", "receives"),
    [("both", True, True), ("send", True, False), ("receive", False, True), ("none", False, False)],
)
def test_audio_direction_is_seen_from_this_side(
    direction: str, sends: bool, receives: bool
) -> None:
    audio = AudioDirection(direction)
    assert (audio.sends, audio.receives) == (sends, receives)
