"""Puts encoded video and decoded sound of a call into one file, on one time line."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import av.container
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from agent.ports import AUDIO_CLOCK_RATE, VIDEO_CLOCK_RATE, AccessUnit, DecodedAudio

AUDIO_CODECS = {".mkv": "libopus", ".mp4": "aac", ".mov": "aac"}
"""What sound becomes, by the file's extension."""
_AUDIO_BITRATE = 48_000
# Half a second at a time goes to the disk, so that a process that is killed leaves all but the
# last; nor is a picture kept back for a sound that does not come. `cluster_time_limit` counts
# milliseconds, the others microseconds.
_AT_ONCE = {"flush_packets": "1", "max_interleave_delta": "300000"}
_PIECES = {
    "movflags": "+hybrid_fragmented+default_base_moof+delay_moov",
    "frag_duration": "400000",
    **_AT_ONCE,
}
_OPTIONS = {
    ".mkv": {"cluster_time_limit": "400", **_AT_ONCE},
    ".mp4": _PIECES,
    ".mov": _PIECES,
}
_PATIENCE = 0.3  # seconds for the first sound
_SILENCE = 4096  # samples; each encoder makes a packet of them
_PICTURE_DURATION = 3_000
"""1/90000 s. Counts for the last picture, which a player may leave out when it lasts no time."""
_VIDEO_TIME_BASE = Fraction(1, VIDEO_CLOCK_RATE)
_AUDIO_TIME_BASE = Fraction(1, AUDIO_CLOCK_RATE)


class RecordingTimeline:
    """Places a medium's own clock (`rate` ticks/s) on that of the file.

    The medium's clock counts, as it does not jitter. Where it jumps away from the time of arrival
    by more than `_JUMP` seconds (a new transport begins at a number of its own), it is tied to the
    arrival again. Ticks only grow.
    """

    _JUMP = 2.0

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._offset: int | None = None
        self._last = -1

    def place(self, pts: int, seconds: float) -> int:
        """Ticks from the beginning of the file for `pts`, which arrived `seconds` after it."""
        arrived = round(seconds * self._rate)
        if self._offset is None or abs(pts + self._offset - arrived) > self._JUMP * self._rate:
            self._offset = arrived - pts
        self._last = max(pts + self._offset, self._last + 1)
        return self._last


class Muxer:
    """One file, opened with the first key frame (or the first sound, without video). Not
    thread-safe.
    """

    def __init__(self, path: Path, *, video: bool, audio: bool) -> None:
        self._path = path
        self._with_video = video
        self._with_audio = audio
        self._container: av.container.OutputContainer | None = None
        self._video: VideoStream | None = None
        self._audio: AudioStream | None = None
        self._resamplers: dict[int, AudioResampler] = {}
        self._video_line = RecordingTimeline(VIDEO_CLOCK_RATE)
        self._audio_line = RecordingTimeline(AUDIO_CLOCK_RATE)
        self._began_at = 0.0
        self._heard = False
        self.pictures = 0

    def add_video(self, unit: AccessUnit, at: float) -> None:
        """`at` is the time of arrival in seconds, on any clock that the sound uses as well."""
        if self._container is None:
            if not self._with_video or not unit.keyframe:
                return
            self._open(at, unit)
        if self._video is None or self._container is None:
            return
        if not self._heard and at - self._began_at > _PATIENCE:
            # no piece is written while a track of the file is empty
            self.add_audio(DecodedAudio(bytes(2 * _SILENCE), 1, 0), self._began_at)
            self._audio_line = RecordingTimeline(AUDIO_CLOCK_RATE)
        packet = av.Packet(unit.data)
        packet.stream = self._video
        packet.time_base = _VIDEO_TIME_BASE
        packet.pts = packet.dts = self._video_line.place(unit.pts, at - self._began_at)
        packet.duration = _PICTURE_DURATION
        packet.is_keyframe = unit.keyframe
        self._container.mux(packet)
        self.pictures += 1

    def add_audio(self, audio: DecodedAudio, at: float) -> None:
        """Sound before the first key frame is left out."""
        if self._container is None and not self._with_video and self._with_audio:
            self._open(at, None)
        if self._container is None or self._audio is None:
            return
        self._heard = True
        samples = len(audio.samples) // (2 * audio.channels)
        frame = av.AudioFrame(
            format="s16", layout="stereo" if audio.channels == 2 else "mono", samples=samples
        )
        frame.planes[0].update(audio.samples)
        frame.sample_rate = AUDIO_CLOCK_RATE
        frame.time_base = _AUDIO_TIME_BASE
        frame.pts = self._audio_line.place(audio.pts, at - self._began_at)
        for resampled in self._resampler(audio.channels).resample(frame):
            self._container.mux(self._audio.encode(resampled))

    def _resampler(self, channels: int) -> AudioResampler:
        """Each takes frames of one kind."""
        if channels not in self._resamplers:
            to = AudioResampler(format="s16", layout="mono", rate=AUDIO_CLOCK_RATE)
            self._resamplers[channels] = to
        return self._resamplers[channels]

    def close(self) -> None:
        """Finish the file. Idempotent."""
        container, self._container = self._container, None
        if container is None:
            return
        if self._audio is not None:
            container.mux(self._audio.encode(None))
        container.close()

    def _open(self, at: float, first: AccessUnit | None) -> None:
        self._began_at = at
        options = _OPTIONS[self._path.suffix.lower()]
        self._container = av.open(str(self._path), "w", container_options=options)
        if first is not None:
            self._video = self._add_video_stream(self._container, first)
        if self._with_audio:
            self._audio = self._add_audio_stream(self._container)

    def _add_audio_stream(self, container: av.container.OutputContainer) -> AudioStream:
        codec = AUDIO_CODECS[self._path.suffix.lower()]
        stream = container.add_stream(codec, rate=AUDIO_CLOCK_RATE, layout="mono")
        if not isinstance(stream, AudioStream):
            raise TypeError(f"{codec} is no codec for sound")
        stream.codec_context.bit_rate = _AUDIO_BITRATE
        return stream

    @staticmethod
    def _add_video_stream(
        container: av.container.OutputContainer, first: AccessUnit
    ) -> VideoStream:
        """A stream with the parameters (size, profile, parameter sets) that FFmpeg reads from the
        first picture.
        """
        with av.open(io.BytesIO(first.data), "r", format="h264") as probe:
            stream = container.add_stream_from_template(probe.streams.video[0])
            stream.time_base = _VIDEO_TIME_BASE
            return stream
