"""Signaling of those who pull: an offer by HTTP becomes an invitation, and what the call says its
answer.

A signaling adapter beside MQTT. It knows nothing of HTTP: `whep.py` and `go2rtc_socket.py` put into
words what is said here.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable

from agent.core.call import events as ev
from agent.core.call.machine import State
from agent.core.call.reasons import CallStatus, CloseReason, Purpose
from agent.ports import Signal
from agent.pull.pull_session import PullRefused, PullSession
from agent.signaling.protocol.translation import is_usable

logger = logging.getLogger(__name__)

# seconds in which a call answers, or has failed by itself
ANSWER_TIMEOUT = 20.0
# signals that wait to be read by the client
MAX_SIGNALS = 256
BUSY = CallStatus.BUSY


class PullChannel:
    """On the loop of the calls. `most` is how many may pull at once; `state_of` says where a
    conversation is, None once there is none of that id.
    """

    def __init__(self, most: int, state_of: Callable[[str], State | None]) -> None:
        self._most = most
        self._state_of = state_of
        self._sessions: dict[str, PullSession] = {}
        self._signals: asyncio.Queue[Signal] = asyncio.Queue(maxsize=MAX_SIGNALS)

    # -- for the client ----------------------------------------------------------------------------

    def carries(self, conversation: str) -> bool:
        """Whether it is a conversation of somebody who pulls."""
        return conversation in self._sessions

    async def receive(self) -> Signal:
        """The next signal."""
        return await self._signals.get()

    def send(self, effect: ev.SignalEffect, conversation: str) -> None:
        """Tell whoever pulls what `effect` means. What HTTP has no word for is left out."""
        session = self._sessions.get(conversation)
        if session is None:
            return
        match effect:
            case ev.SendResponse(CallStatus.ACCEPTED, _, sdp):
                session.accepted(sdp or "")
            case ev.SendResponse(status, reason, _):
                self._forget(session)
                session.refused(PullRefused(reason or status.value.lower(), status))
            case ev.SendCandidate(_, candidate):
                session.found(candidate)
            case ev.SendError(_, code, message):
                session.complain(code, message)
            case ev.SendClose(_, reason):
                self._forget(session)
                session.refused(PullRefused(reason.value))
            case ev.SendRinging():
                # nobody waits by HTTP until a person has come
                session.refused(PullRefused("must_ring", CallStatus.REJECTED))
                self.close(session)

    # -- for HTTP ----------------------------------------------------------------------------------

    async def invite(
        self, caller: str, via: str, offer: str, *, by_query: bool = False
    ) -> PullSession:
        """Ask for the picture as `caller`. Returns once it was answered. Raises PullRefused."""
        self._require_room()
        session = PullSession(str(uuid.uuid4()), str(uuid.uuid4()), caller, offer, by_query)
        self._sessions[session.conversation] = session
        invitation = ev.Invitation(
            session.conversation,
            caller,
            session.party,
            offer,
            ANSWER_TIMEOUT,
            purpose=Purpose.VIEW,
            via=via,
            one_transport=True,
        )
        try:
            self._say(session, invitation)
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await asyncio.shield(session.answer)
        except TimeoutError:
            # a flood is not even answered
            self.close(session)
            raise PullRefused("no_answer", BUSY) from None
        except asyncio.CancelledError:
            self.close(session)
            raise
        except PullRefused:
            self._forget(session)
            raise
        return session

    def find(self, conversation: str) -> PullSession | None:
        """The session of that conversation, while it lasts."""
        session = self._sessions.get(conversation)
        return None if session is None or session.ended else session

    def add_candidate(self, session: PullSession, candidate: ev.IceCandidate | None) -> None:
        """Raises PullRefused where they come faster than they are looked at."""
        usable = candidate is None or is_usable(candidate.candidate)
        self._say(session, ev.CandidateReceived(session.caller, session.party, candidate, usable))

    def close(self, session: PullSession, reason: CloseReason = CloseReason.USER_HANGUP) -> None:
        """The consumer has gone, or never waited for its answer. Idempotent."""
        if self._sessions.get(session.conversation) is not session:
            return
        self._forget(session)
        session.end(reason.value)
        try:
            self._say(session, ev.CloseReceived(session.caller, session.party, reason))
        except PullRefused:
            # then silence ends it
            logger.warning("the end of %s could not be told", session.conversation)

    def _say(self, session: PullSession, content: ev.Invitation | ev.Input) -> None:
        try:
            self._signals.put_nowait(Signal(session.caller, session.conversation, content))
        except asyncio.QueueFull:
            raise PullRefused("busy", BUSY) from None

    def _forget(self, session: PullSession) -> None:
        self._sessions.pop(session.conversation, None)

    def _require_room(self) -> None:
        """Whoever is lost has left its place; whose conversation is over, too, however it ended."""
        open_ = 0
        for session in tuple(self._sessions.values()):
            state = self._state_of(session.conversation)
            if state is None and session.answer.done():
                self._forget(session)
                session.end("over")
            elif state is not State.LOST:
                open_ += 1
        if open_ >= self._most:
            raise PullRefused("max", BUSY)
