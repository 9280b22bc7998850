"""The sound of those who pull: whoever sends some talks, for as long as it comes.

go2rtc offers sound from the start and sends it while somebody holds the microphone of its player,
over the transport by which it looks; a recorder looks all day. So what comes is heard only once the
rules let it talk and a line is free, and after a pause it only looks again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from agent.client.call_client import CallClient
from agent.client.conversation import Conversation
from agent.core.call.notices import TalkStarted
from agent.core.call.values import Invitation
from agent.core.statistics.counters import PlayoutCounters
from agent.errors import InvalidStateError, MediaError
from agent.media.sound.push_to_talk import TalkGate
from agent.ports import AudioPlayback, AudioPlayout, LocalStream, ReceivedAudio

logger = logging.getLogger(__name__)

# seconds without sound, after which nobody talks any more
PAUSE = 3.0
# seconds until whoever goes on talking, and was not let, is judged once more
RETRY = 10.0
# seconds between two looks
LOOK = 1.0


class TalkBack:
    """Gives each of those who pull a loudspeaker that is closed until it may talk. `gate` is that
    of push-to-talk, whose button its sound is.
    """

    def __init__(
        self,
        stream: LocalStream,
        gate: TalkGate | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._gate = gate
        self._monotonic = monotonic
        self._client: CallClient | None = None
        self._open: dict[str, _TalkPlayout] = {}

    def connect(self, client: CallClient) -> None:
        """Whose conversations they are."""
        self._client = client
        client.subscribe(self._on_event)

    def stream_for(self, invitation: Invitation) -> LocalStream:
        """What is sent and heard in the conversation of `invitation`."""
        playback = self._stream.playback
        if invitation.via is None or playback is None:
            return self._stream
        return replace(self._stream, playback=_TalkPlayback(self, playback, invitation))

    def opened(self, conversation: str, playout: _TalkPlayout) -> None:
        self._open[conversation] = playout

    def closed(self, conversation: str) -> None:
        self._open.pop(conversation, None)
        self._press(conversation, on=False)

    def ask(self, conversation: str) -> None:
        """It sends sound, and would be heard."""
        known = self._client and self._client.conversations.get(conversation)
        if not known or self._client is None:
            return
        try:
            self._client.take_view(known)
        except InvalidStateError as why:
            logger.info("what %s says is not heard: %s", known.remote_uid, why)

    def pause(self, conversation: str) -> None:
        """Its sound has ended."""
        self._press(conversation, on=False)
        known = self._client and self._client.conversations.get(conversation)
        if known and self._client is not None:
            self._client.look_again(known)

    def _on_event(self, conversation: Conversation, _name: str, event: Any) -> None:
        playout = self._open.get(conversation.id)
        if isinstance(event, TalkStarted) and playout is not None:
            playout.let_hear()
            self._press(conversation.id, on=True)

    def _press(self, conversation: str, *, on: bool) -> None:
        if self._gate is not None:
            self._gate.talk(conversation, on)


class _TalkPlayback:
    """See `agent.ports.AudioPlayback`. Of one conversation."""

    def __init__(self, owner: TalkBack, playback: AudioPlayback, invitation: Invitation) -> None:
        self._owner = owner
        self._playback = playback
        self._conversation = invitation.conversation

    def open(self) -> AudioPlayout:
        playout = _TalkPlayout(
            self._owner, self._playback, self._conversation, self._owner._monotonic
        )
        self._owner.opened(self._conversation, playout)
        return playout


class _TalkPlayout:
    """See `agent.ports.AudioPlayout`. Nothing is heard before `let_hear()`."""

    def __init__(
        self,
        owner: TalkBack,
        playback: AudioPlayback,
        conversation: str,
        monotonic: Callable[[], float],
    ) -> None:
        self._owner = owner
        self._playback = playback
        self._conversation = conversation
        self._monotonic = monotonic
        self._heard_at = 0.0
        self._asked_at = 0.0
        self._inner: AudioPlayout | None = None
        # of what was heard before the last pause
        self._played = PlayoutCounters()
        self._look: asyncio.TimerHandle | None = None
        self._closed = False

    def put(self, packet: ReceivedAudio) -> None:
        self._heard_at = self._monotonic()
        if self._look is None and not self._closed:
            # the first after a pause
            self._ask()
            self._look_later()
        if self._inner is not None:
            self._inner.put(packet)

    @property
    def played(self) -> PlayoutCounters:
        """Of all that was heard."""
        return self._played if self._inner is None else _sum(self._played, self._inner.played)

    def let_hear(self) -> None:
        """From now on what comes is heard."""
        if self._inner is None and not self._closed:
            try:
                self._inner = self._playback.open()
            except MediaError as error:
                logger.warning("whoever talks is not heard: %s", error)

    def close(self) -> None:
        self._closed = True
        self._stop_looking()
        self._be_still()
        self._owner.closed(self._conversation)

    def look(self) -> None:
        """Whether anything still comes."""
        self._stop_looking()
        now = self._monotonic()
        if now - self._heard_at >= PAUSE:
            self._be_still()
            self._owner.pause(self._conversation)
            return
        if self._inner is None and now - self._asked_at >= RETRY:
            self._ask()
        self._look_later()

    def _ask(self) -> None:
        self._asked_at = self._monotonic()
        self._owner.ask(self._conversation)

    def _look_later(self) -> None:
        self._look = asyncio.get_running_loop().call_later(LOOK, self.look)

    def _stop_looking(self) -> None:
        look, self._look = self._look, None
        if look is not None:
            look.cancel()

    def _be_still(self) -> None:
        self._played, inner, self._inner = self.played, self._inner, None
        if inner is not None:
            inner.close()


def _sum(before: PlayoutCounters, now: PlayoutCounters) -> PlayoutCounters:
    return PlayoutCounters(
        *(getattr(before, each.name) + getattr(now, each.name) for each in fields(now))
    )
