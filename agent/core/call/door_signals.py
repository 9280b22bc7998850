"""What is said about a door, beside the tables of a call: asked for in one that was accepted, or
shortly after it (PROTOCOL 2, `open`).
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OpenReceived:
    """A remote peer asks for a door, the first one unless `output` names another. `issued_at` as it
    was written, and `issued` the same in Unix seconds.
    """

    uid: str
    party: str
    issued_at: str
    issued: float
    output: str | None = None
    code: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class OpenedReceived:
    """The device has released the door `output`."""

    uid: str
    party: str
    output: str
    issued: float


@dataclass(frozen=True, slots=True)
class SendOpen:
    """Ask for a door. `issued`: our time of day in Unix seconds."""

    issued: float
    output: str | None = None
    code: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SendOpened:
    """The door `output` was released. `issued_at` stands in the `open` that is answered."""

    output: str
    issued_at: str


@dataclass(frozen=True, slots=True)
class SendOpenRefused:
    """The door stays shut. `now`: our time in Unix seconds, for whoever has another one."""

    code: str
    message: str
    now: float | None = None


DoorInput = OpenReceived | OpenedReceived
