"""The media of a call: what may flow, what has come, and until when the first of it is awaited."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.core.call.machine import Refused
from agent.core.call.values import IceServer, MediaGrant
from agent.core.call.viewing import Viewing


@dataclass(slots=True)
class CallMedia:
    """Times are those of the call's clock, in seconds."""

    grant: MediaGrant
    # that the inviter brought, for every transport of the call
    ice_servers: tuple[IceServer, ...] = ()
    # `(kind, codec)` of what was received so far
    tracks: tuple[tuple[str, str], ...] = ()
    # the answer promised sound or a picture, and nothing has come yet
    expected: bool = False
    # when the call ends if none has come by then
    deadline: float | None = None
    # whether it is one that only looks
    viewing: Viewing = field(default_factory=Viewing)

    def await_first(self, now: float, patience: float) -> None:
        """From now on what the answer promised has so many seconds to come."""
        if self.expected and self.deadline is None:
            self.deadline = now + patience

    def suspend(self) -> None:
        """Nothing at all comes: that has a deadline of its own."""
        self.deadline = None

    def receive(self, kind: str, codec: str) -> None:
        """The first packet of a kind came. Raises Refused for a kind that came before."""
        if kind in (known for known, _ in self.tracks):
            raise Refused(f"{kind} was received before")
        self.tracks = (*self.tracks, (kind, codec))
        self.expected, self.deadline = False, None
