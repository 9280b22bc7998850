"""One encoder of sound for all conversations."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import ConfigurationError, MediaEnded, MediaUnavailable
from agent.media.sound.audio_hub import AudioHub, open_audio_source
from agent.media.sound.audio_source import SoundFileSource, ToneSource


async def test_audio_hub_shares_one_encoder() -> None:
    hub = AudioHub(ToneSource())
    first, second = await hub.subscribe(), await hub.subscribe()
    heard_by_first = {packet.pts: packet.data for packet in [await first.next() for _ in range(8)]}
    packet = await second.next()
    while packet.pts not in heard_by_first:
        packet = await second.next()
    assert packet.data == heard_by_first[packet.pts]
    first.close()
    assert hub.running
    assert await second.next()
    second.close()
    await hub.close()
    assert not hub.running


async def test_audio_hub_close_ends_every_subscription() -> None:
    hub = AudioHub(ToneSource())
    subscription = await hub.subscribe()
    await hub.close()
    with pytest.raises(MediaEnded):
        await subscription.next()
    with pytest.raises(MediaUnavailable, match="closed"):
        await hub.subscribe()


def test_open_audio_source_by_name(tmp_path: Path) -> None:
    assert open_audio_source("none") is None
    assert open_audio_source("auto") is None
    assert isinstance(open_audio_source("pattern"), ToneSource)
    assert isinstance(open_audio_source(f"file:{tmp_path}/x.ogg"), SoundFileSource)
    for wrong in ("", "file:", "loud", "pattern:1"):
        with pytest.raises(ConfigurationError, match=r"audio\.capture"):
            open_audio_source(wrong)
