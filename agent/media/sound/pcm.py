"""The seams of PCM: a source, a player, and a filter between them.

A frame is 10 ms: 480 samples, mono, signed 16 bit, 48 kHz (`agent.ports.PCM_FRAME_BYTES`). A filter
that works at another rate, such as an echo canceller at 16 kHz, converts inside.
"""

from __future__ import annotations

from typing import Protocol


class PlayoutStream(Protocol):
    """The sound of one conversation, made ready at the pace of the card that plays it."""

    def read(self) -> bytes | None:
        """The next PCM frame (10 ms); None: nothing is to be heard. Called in the player's thread,
        about 100 times a second, two or more in a row; must return at once and never raise.
        """


class Loudspeaker(Protocol):
    """A loudspeaker for all conversations: opened for the first stream, closed after the last. It
    mixes them. A card that cannot be opened is told, and tried again.
    """

    def attach(self, stream: PlayoutStream) -> None:
        """Play `stream`, too, until `detach`. Idempotent. Called on the event loop."""

    def detach(self, stream: PlayoutStream) -> None:
        """When this returns, `read` is not called any more. Idempotent."""


class PcmSource(Protocol):
    """A microphone, opened. Belongs to one thread."""

    def read(self) -> bytes:
        """The next frames, at least one; waits for them. Raises MediaUnavailable where the card
        is lost or says nothing.
        """

    def delay(self) -> float:
        """Seconds since the first sample of what `read` gave last was heard."""

    def close(self) -> None: ...


class PcmPlayer(Protocol):
    """A loudspeaker, opened. Belongs to one thread."""

    @property
    def frames(self) -> int:
        """How many frames `write` takes at once."""

    def write(self, frames: bytes) -> None:
        """Play; waits until there is room. Raises MediaUnavailable where the card is lost."""

    def delay(self) -> float:
        """Seconds until what is written now is heard."""

    def close(self) -> None: ...


class PcmFilter(Protocol):
    """Stands between both ends of one card: an echo canceller, or ducking. `render` is called in
    the player's thread, `capture` in the source's.
    """

    def render(self, frame: bytes, delay: float) -> bytes:
        """What is to be played instead of `frame`, which will be heard in `delay` seconds."""

    def capture(self, frame: bytes, delay: float) -> bytes:
        """What is to be sent instead of `frame`, which was heard `delay` seconds ago."""

    def close(self) -> None: ...


class PcmMixer(Protocol):
    """The streams of all conversations, as one."""

    def attach(self, stream: PlayoutStream) -> None: ...

    def detach(self, stream: PlayoutStream) -> None: ...

    def read(self) -> bytes | None:
        """The next frame of all; None where nothing is to be heard."""
