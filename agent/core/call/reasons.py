"""The words of a call: how it was answered, why it ended, and in which direction it went (PROTOCOL
2 to 5).
"""

from __future__ import annotations

from enum import StrEnum

# the reason of a TIMEOUT whose invitation had outlived itself when it came (PROTOCOL 2)
REASON_EXPIRED = "expired"


class CallStatus(StrEnum):
    """How an invitation was answered."""

    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    BUSY = "BUSY"
    TIMEOUT = "TIMEOUT"


class CloseReason(StrEnum):
    """Why a conversation ended (PROTOCOL 4)."""

    USER_HANGUP = "user_hangup"
    USER_BUSY = "user_busy"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    INVITE_TIMEOUT = "invite_timeout"
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    REPLACED = "replaced"
    ICE_FAILED = "ice_failed"
    ICE_TIMEOUT = "ice_timeout"
    MEDIA_TIMEOUT = "media_timeout"
    NO_USER_MEDIA = "no_user_media"
    OUT_OF_RESOURCES = "out_of_resources"
    LOW_POWER = "low_power"
    PRIVACY_MODE = "privacy_mode"
    MAX_DURATION = "max_duration"
    SHUTDOWN = "shutdown"
    CRASH_RECOVERED = "crash_recovered"
    UNKNOWN_REASON = "unknown_reason"

    @classmethod
    def parse(cls, text: str) -> CloseReason:
        """The reason that `text` names; `UNKNOWN_REASON` for a word of a newer protocol."""
        try:
            return cls(text)
        except ValueError:
            return cls.UNKNOWN_REASON


class Purpose(StrEnum):
    """What an invitation is for (PROTOCOL 3)."""

    TALK = "talk"
    """A call, which takes a line."""
    VIEW = "view"
    """Whoever only looks: takes no line and brings nothing."""


class Direction(StrEnum):
    """Who invited: the remote peer (`incoming`) or this one (`outgoing`)."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"


class Side(StrEnum):
    """Which side ended a conversation."""

    LOCAL = "local"
    REMOTE = "remote"


class AudioDirection(StrEnum):
    """Which way sound may flow, seen from this side."""

    BOTH = "both"
    SEND = "send"
    RECEIVE = "receive"
    NONE = "none"

    @property
    def sends(self) -> bool:
        return self in (AudioDirection.BOTH, AudioDirection.SEND)

    @property
    def receives(self) -> bool:
        return self in (AudioDirection.BOTH, AudioDirection.RECEIVE)


class SharedBitrate(StrEnum):
    """What a conversation's path does to the one encoder that all of them share."""

    FOLLOW = "follow"
    """The encoder goes down to what this path holds."""
    IGNORE = "ignore"
    """It does not, while another conversation is followed: this one loses pictures instead."""


class CallMode(StrEnum):
    """How several targets are invited: all at once, or one after the other."""

    PARALLEL = "parallel"
    SEQUENTIAL = "sequential"
