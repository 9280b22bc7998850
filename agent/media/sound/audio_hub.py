"""The sound hub: one Opus encoder for all conversations (implements `AudioFeed`)."""

from __future__ import annotations

from collections.abc import Callable

from agent.media.base.video_source import MediaSource
from agent.media.on_demand import OnDemandSource
from agent.media.subscription import AUDIO_QUEUE_LENGTH, AudioQueueSubscription
from agent.ports import AudioPacket, AudioSubscription


class AudioHub:
    """Starts `source` for the first subscription and stops it after the last, `linger` seconds
    later. `present` says whether it could be opened now.
    """

    def __init__(
        self,
        source: MediaSource[AudioPacket],
        *,
        linger: float = 0.0,
        queue_length: int = AUDIO_QUEUE_LENGTH,
        present: Callable[[], bool] = lambda: True,
    ) -> None:
        self._shared: OnDemandSource[AudioPacket] = OnDemandSource(source, linger=linger)
        self._queue_length = queue_length
        self._present = present

    @property
    def present(self) -> bool:
        return self._present()

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
