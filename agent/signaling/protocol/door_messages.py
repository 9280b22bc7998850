"""What is said about a door, and how it is refused (PROTOCOL 2)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from agent.signaling.protocol.encoding import (
    Code,
    Sentence,
    SignalMessage,
    Timestamp,
    Token,
    parse_time,
)

OutputName = Annotated[str, Field(min_length=1, max_length=64)]
# what is tried as a code, right or wrong
DoorCode = Annotated[str, Field(max_length=64)]


class Open(SignalMessage):
    """Remote peer to device: release a door, the first one unless `output` names another."""

    type: Literal["open"] = "open"
    output: OutputName | None = None
    issued_at: Timestamp
    code: DoorCode | None = Field(default=None, repr=False)
    auth: Token | None = None

    @property
    def issued_at_unix(self) -> float:
        """`issuedAt` in Unix seconds, by the clock of whoever asks."""
        return parse_time(self.issued_at)


class Opened(SignalMessage):
    """Device to remote peer: the door was released, as the `open` of `issuedAt` asked."""

    type: Literal["opened"] = "opened"
    output: OutputName
    issued_at: Timestamp


class Error(SignalMessage):
    """The last message of whoever receives this could not be used. `now`: the sender's time, for an
    `open` that was `stale`.
    """

    type: Literal["error"] = "error"
    code: Code
    message: Sentence
    now: Timestamp | None = None
