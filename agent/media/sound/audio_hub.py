"""The sound hub: one Opus encoder for all conversations (implements `AudioFeed`)."""

from __future__ import annotations

import logging
from pathlib import Path

from agent.errors import ConfigurationError
from agent.media.base.video_source import MediaSource
from agent.media.on_demand import OnDemandSource
from agent.media.sound.audio_source import SoundFileSource, ToneSource
from agent.media.subscription import AUDIO_QUEUE_LENGTH, AudioQueueSubscription
from agent.ports import AudioPacket, AudioSubscription

logger = logging.getLogger(__name__)

SOURCES = "auto | none | pattern | file:PATH"


class AudioHub:
    """Starts `source` for the first subscription and stops it after the last, `linger` seconds
    later.
    """

    def __init__(
        self,
        source: MediaSource[AudioPacket],
        *,
        linger: float = 0.0,
        queue_length: int = AUDIO_QUEUE_LENGTH,
    ) -> None:
        self._shared: OnDemandSource[AudioPacket] = OnDemandSource(source, linger=linger)
        self._queue_length = queue_length

    @property
    def running(self) -> bool:
        return self._shared.running

    async def subscribe(self) -> AudioSubscription:
        """Raises MediaUnavailable where the source cannot be opened."""
        subscription = AudioQueueSubscription(
            on_close=self._shared.leave, length=self._queue_length
        )
        await self._shared.join(subscription)
        return subscription

    async def close(self) -> None:
        """Stop the source and end every subscription; wait until both have happened."""
        await self._shared.close()


def open_audio_source(spec: str) -> MediaSource[AudioPacket] | None:
    """The source that `spec` names, not yet started; None for no sound. Raises ConfigurationError
    for any other.

    `auto` means none: sound cards are not opened.
    """
    kind, _, path = spec.partition(":")
    if spec == "none":
        return None
    if spec == "auto":
        logger.info("audio.capture is auto: no sound is sent, as sound cards are not opened")
        return None
    if spec == "pattern":
        return ToneSource()
    if kind == "file" and path:
        return SoundFileSource(Path(path))
    raise ConfigurationError([f"audio.capture: {spec!r} is not one of {SOURCES}"])
