"""One consumer's conversation, as HTTP sees it: an answer to wait for, and what follows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from agent.core.call import events as ev
from agent.core.call.reasons import CallStatus
from agent.errors import CallboxError
from agent.pull.sdp_fragment import END, ice_ufrag

# candidates of ours that are kept, and messages that wait for a WebSocket
MAX_CANDIDATES = 40
MAX_MESSAGES = 64


class PullRefused(CallboxError):  # noqa: N818 - an answer, not a fault of ours
    """A consumer does not get the picture. `code` is a short reason."""

    def __init__(self, code: str, status: CallStatus | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The conversation is over; `reason` as in its record, where it is told."""

    reason: str


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something came to nothing, and the conversation goes on."""

    code: str
    message: str


Follow = ev.IceCandidate | Complaint | SessionEnded
"""What follows the answer."""


@dataclass(slots=True)
class PullSession:
    """Used on the loop of the calls. `opened_by_query`: the token stood in the address."""

    conversation: str
    party: str
    caller: str
    offer: str
    opened_by_query: bool = False
    # the SDP of the answer
    answer: asyncio.Future[str] = field(default_factory=asyncio.Future)
    candidates: list[ev.IceCandidate] = field(default_factory=list)
    gathered: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False
    _follow: asyncio.Queue[Follow] = field(
        default_factory=lambda: asyncio.Queue(maxsize=MAX_MESSAGES)
    )

    @property
    def remote_ufrag(self) -> str | None:
        return ice_ufrag(self.offer)

    def accepted(self, sdp: str) -> None:
        if not self.answer.done():
            self.answer.set_result(sdp)
        if END in sdp.splitlines():
            self.gathered.set()

    def refused(self, why: PullRefused) -> None:
        if not self.answer.done():
            self.answer.set_exception(why)
            # nobody may wait for it any more
            self.answer.exception()
        self.end(why.code)

    def found(self, candidate: ev.IceCandidate | None) -> None:
        """A candidate of ours; None is the end of them."""
        if candidate is None:
            self.gathered.set()
        elif len(self.candidates) < MAX_CANDIDATES:
            self.candidates.append(candidate)
            self._put(candidate)

    def complain(self, code: str, message: str) -> None:
        self._put(Complaint(code, message))

    def end(self, reason: str) -> None:
        """Idempotent."""
        if self.ended:
            return
        self.ended = True
        self.gathered.set()
        if self._follow.full():
            # the last word is the one that counts
            self._follow.get_nowait()
        self._follow.put_nowait(SessionEnded(reason))

    async def next(self) -> Follow:
        """What follows the answer, in order; `SessionEnded` is the last."""
        return await self._follow.get()

    def _put(self, message: Follow) -> None:
        if not (self.ended or self._follow.full()):
            self._follow.put_nowait(message)
