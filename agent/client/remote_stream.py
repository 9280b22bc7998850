"""What arrives from the remote peer of one conversation."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import NamedTuple

from agent.ports import AccessUnit, DecodedAudio, RemoteSink

logger = logging.getLogger(__name__)

# pictures that are kept for whoever attaches when the stream is announced: a second's worth
START_LIMIT = 60
START_SIZE = 1 << 20  # bytes


class RemoteTrack(NamedTuple):
    """One kind of media that has arrived: `video` or `audio`, and its codec."""

    kind: str
    codec: str


@dataclass(slots=True)
class _Attached:
    """A sink, and whether it has had its first key frame."""

    sink: RemoteSink
    started: bool = False


class RemoteStream:
    """The remote peer's media: `tracks` that have arrived so far, and the sinks that get it.

    A sink gets video from a key frame on. One that is attached before the first pictures, or within
    a second of them, misses none. A sink that raises is detached, and costs nobody the call. It is
    closed by whoever attached it.
    """

    def __init__(self) -> None:
        self.tracks: tuple[RemoteTrack, ...] = ()
        self._attached: list[_Attached] = []
        # from the first key frame; None once nobody came for it
        self._start: list[AccessUnit] | None = []
        self._start_size = 0

    @property
    def wants_audio(self) -> bool:
        return bool(self._attached)

    def attach(self, sink: RemoteSink) -> None:
        """Hand everything that arrives to `sink`, too, until `detach`. Idempotent."""
        if any(each.sink is sink for each in self._attached):
            return
        attached = _Attached(sink)
        self._attached.append(attached)
        for unit in self._start or ():
            self._deliver_video(attached, unit)

    def detach(self, sink: RemoteSink) -> None:
        """Nothing more for `sink`. Idempotent."""
        self._attached = [each for each in self._attached if each.sink is not sink]

    def on_video(self, unit: AccessUnit) -> None:
        self._keep(unit)
        for attached in self._attached:
            self._deliver_video(attached, unit)

    def on_audio(self, audio: DecodedAudio) -> None:
        for attached in self._attached:
            try:
                attached.sink.on_audio(audio)
            except Exception:
                # an application's sink must not end the transport
                logger.exception("a sink failed and gets nothing more")
                self.detach(attached.sink)

    def _keep(self, unit: AccessUnit) -> None:
        if self._start is None or not (self._start or unit.keyframe):
            return
        self._start.append(unit)
        self._start_size += len(unit.data)
        if len(self._start) > START_LIMIT or self._start_size > START_SIZE:
            self._start = None

    def _deliver_video(self, attached: _Attached, unit: AccessUnit) -> None:
        if not (unit.keyframe or attached.started):
            return
        attached.started = True
        try:
            attached.sink.on_video(unit)
        except Exception:
            # an application's sink must not end the transport
            logger.exception("a sink failed and gets nothing more")
            self.detach(attached.sink)
