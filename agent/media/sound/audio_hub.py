"""The sound hub: one Opus encoder for all conversations (implements `AudioFeed`)."""

from __future__ import annotations

from collections.abc import Callable

from agent.media.base.video_source import LossAware, MediaSource
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
        self._source = source
        self._subscriptions: set[AudioQueueSubscription] = set()
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
            on_close=self._leave, on_loss=self._provide, length=self._queue_length
        )
        await self._shared.join(subscription)
        self._subscriptions.add(subscription)
        return subscription

    async def close(self) -> None:
        """Stop the source and end every subscription; wait until both have happened."""
        await self._shared.close()

    def _leave(self, subscription: AudioQueueSubscription) -> None:
        self._subscriptions.discard(subscription)
        self._shared.leave(subscription)
        self._provide()

    def _provide(self) -> None:
        if isinstance(self._source, LossAware):
            self._source.expect_loss(
                max((each.expected_loss for each in self._subscriptions), default=0.0)
            )
