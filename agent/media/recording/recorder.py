"""Records what arrives to a file: the video as it came, the sound encoded (implements
`RemoteSink`).
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av.error

from agent.errors import MediaError, MediaUnavailable
from agent.media.recording.muxer import AUDIO_CODECS, Muxer
from agent.ports import AccessUnit, DecodedAudio

logger = logging.getLogger(__name__)

QUEUE_LENGTH = 512
"""Pictures and packets of sound: some six seconds that a slow disk may stand still."""
_FINISH_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class _Arrived:
    media: AccessUnit | DecodedAudio
    at: float
    """`time.monotonic()` of the arrival."""


class Recorder:
    """Writes `.mkv`, `.mp4` or `.mov` in a thread of its own, from the first key frame on.

    `video=False` records sound alone, from the first packet on. When the disk is too slow, what
    does not fit is dropped and counted, video up to the next key frame. Raises MediaUnavailable
    where the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        video: bool = True,
        audio: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        _check_writable(path)
        self._path = path
        self._clock = clock
        self._queue: queue.Queue[_Arrived | None] = queue.Queue(QUEUE_LENGTH)
        self._muxer = Muxer(path, video=video, audio=audio)
        self._skips_video = False
        self._closing = threading.Event()
        self.dropped = 0
        """Pictures and packets of sound that were thrown away."""
        self.failure: MediaError | None = None
        """Why writing ended early, such as a full disk."""
        self._thread = threading.Thread(target=self._run, name=f"recorder {path.name}", daemon=True)
        self._thread.start()

    @property
    def pictures(self) -> int:
        """Pictures written so far."""
        return self._muxer.pictures

    def on_video(self, unit: AccessUnit) -> None:
        if self._skips_video and not unit.keyframe:
            self.dropped += 1
            return
        self._skips_video = not self._offer(unit)

    def on_audio(self, audio: DecodedAudio) -> None:
        self._offer(audio)

    def close(self) -> None:
        """Take nothing more; the file is finished in the background, see `finished()`."""
        self._closing.set()
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            logger.debug("the recorder's queue is full; its thread sees the end without a mark")

    async def finished(self) -> None:
        """Close, and wait until the file is complete. Raises MediaUnavailable where writing
        failed.
        """
        self.close()
        await asyncio.to_thread(self._thread.join, _FINISH_TIMEOUT)
        if self._thread.is_alive():
            raise MediaUnavailable(
                f"{self._path}: could not be finished within {_FINISH_TIMEOUT:.0f} s"
            )
        if self.failure is not None:
            raise self.failure

    def _offer(self, media: AccessUnit | DecodedAudio) -> bool:
        if self._closing.is_set() or self.failure is not None:
            return False
        try:
            self._queue.put_nowait(_Arrived(media, self._clock()))
        except queue.Full:
            self.dropped += 1
            return False
        return True

    def _run(self) -> None:
        try:
            self._write()
        except (av.error.FFmpegError, OSError, ValueError) as error:
            self._fail(error)
        except Exception as error:
            # a thread's edge: a recording must never take the call with it
            logger.exception("the recorder broke")
            self._fail(error)
        finally:
            self._finish()

    def _write(self) -> None:
        while (arrived := self._take()) is not None:
            if isinstance(arrived.media, AccessUnit):
                self._muxer.add_video(arrived.media, arrived.at)
            else:
                self._muxer.add_audio(arrived.media, arrived.at)

    def _take(self) -> _Arrived | None:
        """The next in the queue; None at the end, when nothing is left in it."""
        if self._closing.is_set() and self._queue.empty():
            return None
        return self._queue.get()

    def _finish(self) -> None:
        try:
            self._muxer.close()
        except (av.error.FFmpegError, OSError, ValueError) as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if self.failure is None:
            reason = getattr(error, "strerror", None) or str(error)
            self.failure = MediaUnavailable(f"{self._path}: cannot be written: {reason}")
            self.failure.__cause__ = error
            logger.warning("recording ended: %s", self.failure)


def _check_writable(path: Path) -> None:
    if path.suffix.lower() not in AUDIO_CODECS:
        raise MediaUnavailable(f"{path}: a recording ends in {', '.join(sorted(AUDIO_CODECS))}")
    existed = path.exists()
    try:
        # what an earlier call left stays until there is something in its place
        path.open("ab").close()
        if not existed:
            path.unlink()
    except OSError as error:
        raise MediaUnavailable(f"{path}: cannot be written: {error.strerror}") from error
