"""With whom a call is: the uid that the broker has proved, and one of its clients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from agent.core.call.machine import Refused


class FromRemote(Protocol):
    """A message, with its sender."""

    @property
    def uid(self) -> str: ...

    @property
    def party(self) -> str: ...


@dataclass(slots=True)
class RemotePeer:
    """`party` is None until a client of `uid` is known to take part."""

    uid: str
    party: str | None = None
    # incoming: whether it has said that it is this party of ours whose answer counts
    selects: bool = False
    # its `error` messages so far
    errors: int = 0

    def is_sender(self, event: FromRemote) -> bool:
        """Whether `event` comes from that very client."""
        return (event.uid, event.party) == (self.uid, self.party)

    def require(self, event: FromRemote) -> None:
        """Refuse what another uid, or another client of the same uid, says about the call."""
        if event.uid != self.uid or self.party not in (None, event.party):
            raise Refused(f"{event.uid}/{event.party} is not the remote peer of this conversation")

    def take_error(self, limit: int) -> None:
        """Count an `error` message. Raises Refused beyond `limit`."""
        if self.errors >= limit:
            raise Refused(f"more than {limit} errors of the remote peer")
        self.errors += 1
