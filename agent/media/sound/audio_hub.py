"""The sound hub: one Opus encoder for all conversations (implements `AudioFeed`)."""

from __future__ import annotations

from collections.abc import Callable

from agent.media.base.video_source import LossAware, MediaSource, MuteAware
from agent.media.on_demand import OnDemandSource
from agent.media.subscription import AUDIO_QUEUE_LENGTH, AudioQueueSubscription
from agent.ports import AudioPacket, AudioSubscription


class AudioHub:
    """Starts `source` for the first subscription and stops it after the last, `linger` seconds
    later; in between it is muted while all subscriptions are. `present` says whether it could be
    opened now.
    """

    def __init__(
        self,
        source: MediaSource[AudioPacket],
        *,
        linger: float = 0.0,
        queue_length: int = AUDIO_QUEUE_LENGTH,
        present: Callable[[], bool] = lambda: True,
        on_device: Callable[[bool], None] = lambda _open: None,
    ) -> None:
        self._shared: OnDemandSource[AudioPacket] = OnDemandSource(
            source, linger=linger, on_device=on_device
        )
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

    async def subscribe(self, *, muted: bool = False) -> AudioSubscription:
        """Raises MediaUnavailable where the source cannot be opened."""
        subscription = AudioQueueSubscription(
            on_close=self._leave,
            on_loss=self._provide,
            on_mute=self._listen,
            muted=muted,
            length=self._queue_length,
        )
        # before it starts: a microphone that nobody is to hear is not opened
        self._subscriptions.add(subscription)
        self._listen()
        try:
            await self._shared.join(subscription)
        except BaseException:
            self._subscriptions.discard(subscription)
            self._listen()
            raise
        return subscription

    async def bar(self, barred: bool) -> None:
        """See `OnDemandSource.bar`: True closes the microphone, and keeps it closed."""
        await self._shared.bar(barred)

    async def close(self) -> None:
        """Stop the source and end every subscription; wait until both have happened."""
        await self._shared.close()

    def _leave(self, subscription: AudioQueueSubscription) -> None:
        self._subscriptions.discard(subscription)
        self._shared.leave(subscription)
        self._provide()
        self._listen()

    def _listen(self) -> None:
        """With no subscription it stays as it is: what is about to stop is not opened again."""
        if isinstance(self._source, MuteAware) and self._subscriptions:
            self._source.mute(all(each.muted for each in self._subscriptions))

    def _provide(self) -> None:
        if isinstance(self._source, LossAware):
            self._source.expect_loss(
                max((each.expected_loss for each in self._subscriptions), default=0.0)
            )
