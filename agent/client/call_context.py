"""What the conversations of one client share, and who is told what happens to them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from agent.client.door_requests import DoorRequests
from agent.core.call.decision import Decision
from agent.core.call.machine import State, Timing
from agent.core.call.registry import MAX_VIEWERS
from agent.ports import IceOptions, PeerFactory, Signaling

ObservedCall = TypeVar("ObservedCall", contravariant=True)


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """How a client behaves. Times in seconds."""

    max_conversations: int = 1
    # who only looks at this side, and takes no line
    max_viewers: int = MAX_VIEWERS
    ice: IceOptions = field(default_factory=IceOptions)
    timing: Timing = field(default_factory=Timing)
    stats_interval: float = 2.0
    monotonic: Callable[[], float] = time.monotonic
    # the time of day, in Unix seconds
    wall: Callable[[], float] = time.time


class CallObserver(Protocol[ObservedCall]):
    """Told of each conversation: `begun` first, then events and renamings, `ended` at last."""

    async def begun(self, conversation: ObservedCall, /) -> None:
        """Before anything is said of the call, here or there; the call waits for it."""

    def event(self, conversation: ObservedCall, name: str, event: Any, /) -> None:
        """One event, as its own type, under its name; `closed` is the last."""

    def renamed(self, conversation: ObservedCall, before: str, /) -> None:
        """It goes on under another id on the wire than `before`."""

    def ended(self, conversation: ObservedCall, /) -> None:
        """It is over, and has its record."""


class CallOwner(CallObserver[ObservedCall], Protocol[ObservedCall]):
    """Whoever has a conversation: told as well when it enters another state."""

    @property
    def busy(self) -> bool:
        """Whether no line is free."""

    def moved(self, conversation: ObservedCall, before: State, /, *, looked: bool) -> None:
        """It was in the state `before`, and what comes of that is done. `looked`: whether it took
        no line then.
        """

    def screen_talk(self, conversation: ObservedCall, /) -> Decision | None:
        """What is decided about whoever looks and offers sound; None where that is not even
        answered.
        """

    def stepped(self, conversation: ObservedCall, /) -> None:
        """It has begun, or its inviter has said which party's answer counts: that may matter to a
        call that it crosses.
        """


@dataclass(frozen=True, slots=True)
class CallContext:
    """What a conversation needs of its client; `owner` is told what happens to it."""

    signaling: Signaling
    peers: PeerFactory
    options: ClientOptions
    owner: CallOwner[Any]
    doors: DoorRequests
