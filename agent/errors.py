"""Every exception that callbox raises on purpose.

CallboxError
├── ConfigurationError      settings or policy cannot be used; says file, key and value
├── AlreadyRunning          another daemon has this one's place
├── InvalidStateError       the conversation is not in a state for this request
├── NotSupportedError       the device has not got what this request needs
├── NoSuchMessage           a recorded message that is not there
├── RefusedError            what was asked for is refused; carries a code
├── CallError               what went wrong in a call; carries a code
├── SignalingError
│   ├── MalformedMessage    a message that is not the protocol's; carries the code for the sender
│   ├── NotConnected        the broker did not answer in time
│   └── NotAuthorized       the broker does not allow it
├── MediaError
│   ├── MediaUnavailable    camera, file or device is missing, busy or broken
│   └── MediaEnded          a subscription was closed, or its source stopped
└── PeerError
    ├── UnusableDescription an SDP that cannot be used
    └── NoCommonCodec       an offer with video, yet without an H.264 that we can send
"""

from __future__ import annotations

from collections.abc import Mapping


class CallboxError(Exception):
    """The root of the tree."""


class ConfigurationError(CallboxError):
    """Settings or policy cannot be used. `faults` holds one sentence for each fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class AlreadyRunning(CallboxError):  # noqa: N818 - it says what is the case
    """Another daemon has this one's place: its state directory."""


class InvalidStateError(CallboxError):
    """The conversation is not in a state in which this can be asked of it."""


class NotSupportedError(CallboxError):
    """The device has not got what would be needed for this, and says what."""


class NoSuchMessage(CallboxError):  # noqa: N818 - it names what was asked for
    """A recorded message that is not there."""


class RefusedError(CallboxError):
    """What was asked for is refused, for the reason `code`. `now`: our time in Unix seconds, where
    that of whoever asks is another.
    """

    def __init__(self, code: str, message: str, now: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.now = now


class CallError(CallboxError):
    """Something went wrong in a call, in one sentence; `closed` follows if it was fatal. `code` is
    for programs.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message or code)
        self.code = code


class SignalingError(CallboxError):
    """Signaling failed."""


class MalformedMessage(SignalingError):  # noqa: N818 - it names a thing that came in, not a fault of ours
    """A message that does not follow the protocol.

    `value` is the JSON object in it, where it could be read as one.
    """

    def __init__(self, code: str, message: str, value: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.value: Mapping[str, object] = value or {}


class NotConnected(SignalingError):  # noqa: N818 - W3C's word for it
    """The broker could not be reached in time."""


class NotAuthorized(SignalingError):  # noqa: N818 - MQTT's word for it
    """The broker does not allow this side to say it."""


class MediaError(CallboxError):
    """A media source or sink failed."""


class MediaUnavailable(MediaError):  # noqa: N818
    """The camera, file or sound device is missing, busy or cannot be used."""


class MediaEnded(MediaError):  # noqa: N818
    """The subscription was closed, or its source stopped for good."""


class PeerError(CallboxError):
    """WebRTC failed."""


class UnusableDescription(PeerError):  # noqa: N818
    """A session description that cannot be used."""


class NoCommonCodec(PeerError):  # noqa: N818
    """The offer has video, yet no H.264 with packetization-mode 1."""
