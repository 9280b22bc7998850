"""What one conversation says to its remote peer: through its signaling and on its data channel."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from agent.client.call_context import CallContext
from agent.core.call import events as ev
from agent.core.call.delivery import Delivery

logger = logging.getLogger(__name__)

# what the data channel carries as well
_IN_CALL = (
    ev.SendClose | ev.SendOffer | ev.SendAnswer | ev.SendCandidate | ev.SendTalk | ev.SendError
)
_IN_CALL_RECEIVED = (
    ev.CloseReceived
    | ev.OfferReceived
    | ev.AnswerReceived
    | ev.CandidateReceived
    | ev.PushToTalkReceived
    | ev.ErrorReceived
)
# what goes both ways at any time
_URGENT = ev.SendClose | ev.SendTalk


class CallSignals:
    """Sends in the name of one conversation. `say` sends a text on every data channel there is."""

    def __init__(self, context: CallContext, conversation: str, say: Callable[[str], None]) -> None:
        # its name on the wire
        self.conversation = conversation
        self._signaling = context.signaling
        self._wall = context.options.wall
        self._say = say
        # seconds that our clock is behind the remote peer's, where that matters
        self._clock_offset = 0.0

    def send(self, effect: ev.SignalEffect, *, remote_uid: str) -> asyncio.Future[Delivery]:
        """Tell whom the effect names, or `remote_uid`. Raises what the signaling raises.

        The data channel, whose other end is `remote_uid`, says the same; the first to arrive
        counts. A close and push-to-talk always go both ways, the rest only while there is no
        signaling.
        """
        to: str = getattr(effect, "to", remote_uid)
        delivery = self._signaling.send(
            effect, to=to, conversation=self.conversation, clock_offset=self._clock_offset
        )
        both_ways = isinstance(effect, _URGENT) or not self._signaling.connected
        if to == remote_uid and isinstance(effect, _IN_CALL) and both_ways:
            text = self._signaling.encode_control(
                effect, conversation=self.conversation, clock_offset=self._clock_offset
            )
            self._say(text)
        return delivery

    def received(self, text: str, remote_uid: str) -> ev.Input | None:
        """What a text on the data channel means; None where it does not belong there.

        It may be about the conversation that the channel belongs to, and no other.
        """
        signal = self._signaling.decode_control(remote_uid, text)
        if signal is None or signal.conversation != self.conversation:
            return None
        return signal.content if isinstance(signal.content, _IN_CALL_RECEIVED) else None

    def rename(self, effect: ev.InviteAgain, remote_uid: str) -> str:
        """Go on under another id, with times by the remote peer's clock. Returns the id before."""
        self._clock_offset = effect.now - self._wall()
        before, self.conversation = self.conversation, effect.conversation
        logger.warning(
            "%s says that our clock is %.0f s behind: inviting again",
            remote_uid,
            self._clock_offset,
        )
        return before
