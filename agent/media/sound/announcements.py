"""Recorded words, played at the door and into its calls (PROTOCOL 6, `say` and `play`)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from agent.errors import MediaUnavailable
from agent.media.sound.audio_source import read_sound, tone_pulse
from agent.media.sound.mixer import add
from agent.media.sound.pcm import Loudspeaker
from agent.ports import PCM_FRAME_BYTES
from agent.threads import call_in_thread

# seconds of a file that are played; they are decoded before, 96 kB a second
LONGEST = 60.0
# seconds for reading and decoding a file
READ_TIMEOUT = 15.0
_LONGEST_FRAMES = round(LONGEST * 50)


class _Clip:
    """One file, read once by the loudspeaker's thread (implements `PlayoutStream`), and once by the
    microphone's.
    """

    def __init__(self, sound: bytes, on_end: Callable[[], None]) -> None:
        self._sound = sound
        self._on_end = on_end
        self._played = self._sent = 0

    def read(self) -> bytes | None:
        frame = self._sound[self._played : self._played + PCM_FRAME_BYTES]
        if not frame:
            self._on_end()
            return None
        self._played += PCM_FRAME_BYTES
        return frame

    def send(self) -> bytes | None:
        frame = self._sound[self._sent : self._sent + PCM_FRAME_BYTES]
        self._sent += PCM_FRAME_BYTES
        return frame or None


class Announcements:
    """One at a time: a new one takes the place of what is being played.

    Implements `PcmFilter`, for what is sent: as the last of what is done to it, so that no echo
    canceller and no ducking takes the words away. `present` says whether there is a loudspeaker.
    """

    def __init__(self, loudspeaker: Loudspeaker, present: Callable[[], bool]) -> None:
        self._loudspeaker = loudspeaker
        self._present = present
        self._clip: _Clip | None = None
        self._silent = asyncio.Event()
        self._silent.set()

    async def play(self, path: Path) -> float:
        """Begin; the seconds it will take, LONGEST at most. Raises MediaUnavailable for a file that
        holds no sound, and where there is no loudspeaker.
        """
        self._check()
        return self._begin(await _decoded(path))

    def tone(self) -> float:
        """Begin a short one: somebody may speak after it. Raises MediaUnavailable."""
        self._check()
        return self._begin(b"".join(tone_pulse()))

    def _check(self) -> None:
        if not self._present():
            raise MediaUnavailable("there is no loudspeaker")

    def _begin(self, sound: bytes) -> float:
        self.stop()
        loop = asyncio.get_running_loop()

        def ended() -> None:
            # the thread may outlive the event loop
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._ended, clip)

        clip = self._clip = _Clip(sound, ended)
        self._silent.clear()
        self._loudspeaker.attach(clip)
        return len(sound) / PCM_FRAME_BYTES / 100

    async def finished(self) -> None:
        """Wait until nothing is being played."""
        await self._silent.wait()

    def stop(self) -> None:
        """End what is being played. Idempotent."""
        clip, self._clip = self._clip, None
        if clip is not None:
            self._loudspeaker.detach(clip)
        self._silent.set()

    def render(self, frame: bytes, delay: float) -> bytes:  # noqa: ARG002
        return frame

    def capture(self, frame: bytes, delay: float) -> bytes:  # noqa: ARG002
        clip = self._clip
        words = clip.send() if clip is not None else None
        return add([frame, words]) if words is not None else frame

    def close(self) -> None:
        """A call has ended; what is being played goes on at the door."""

    def _ended(self, clip: _Clip) -> None:
        if clip is self._clip:
            self.stop()


async def _decoded(path: Path) -> bytes:
    """Whole frames of 10 ms."""
    found: list[bytes] = []

    def read() -> None:
        found.extend(islice(read_sound(path), _LONGEST_FRAMES))

    try:
        async with asyncio.timeout(READ_TIMEOUT):
            await call_in_thread("announcement", read)
    except TimeoutError:
        raise MediaUnavailable(f"{path}: could not be read within {READ_TIMEOUT:.0f} s") from None
    if not found:
        raise MediaUnavailable(f"{path}: holds no sound, or less than 20 ms of it")
    return b"".join(found)
