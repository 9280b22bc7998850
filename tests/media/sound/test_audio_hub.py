"""One encoder of sound for all conversations."""

from __future__ import annotations

import pytest

from agent.errors import MediaEnded, MediaUnavailable
from agent.media.sound.audio_hub import AudioHub
from agent.media.sound.audio_source import ToneSource


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


async def test_audio_hub_is_present_as_long_as_its_source_could_be_opened() -> None:
    there = True
    hub = AudioHub(ToneSource(), present=lambda: there)
    assert hub.present
    there = False
    assert not hub.present
    assert AudioHub(ToneSource()).present


class MutedSource(ToneSource):
    def __init__(self) -> None:
        super().__init__()
        self.muted: list[bool] = []

    def mute(self, muted: bool) -> None:
        self.muted.append(muted)


async def test_audio_hub_is_muted_while_all_its_subscriptions_are() -> None:
    source = MutedSource()
    hub = AudioHub(source)
    first, second = await hub.subscribe(muted=True), await hub.subscribe()
    first.mute(False)
    first.mute(True)
    second.mute(True)
    first.mute(False)
    first.close()
    # the last: what stops is not opened again
    second.close()
    assert source.muted == [True, False, False, False, True, False, True]
    await hub.close()
    with pytest.raises(MediaUnavailable):
        await hub.subscribe()


class LossySource(ToneSource):
    def __init__(self) -> None:
        super().__init__()
        self.expected: list[float] = []

    def expect_loss(self, fraction: float) -> None:
        super().expect_loss(fraction)
        self.expected.append(fraction)


async def test_audio_hub_provides_for_whoever_loses_most() -> None:
    source = LossySource()
    hub = AudioHub(source)
    first, second = await hub.subscribe(), await hub.subscribe()
    first.expect_loss(0.02)
    second.expect_loss(0.1)
    first.expect_loss(0.03)
    second.close()
    first.close()
    assert source.expected == [0.02, 0.1, 0.1, 0.03, 0.0]
    await hub.close()
