"""A sink that keeps what it gets, or fails."""

from __future__ import annotations

from agent.ports import AccessUnit, DecodedAudio


class KeepingSink:
    """See `agent.ports.RemoteSink`."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.video: list[AccessUnit] = []
        self.audio: list[DecodedAudio] = []
        self._failure = failure

    def on_video(self, unit: AccessUnit) -> None:
        if self._failure is not None:
            raise self._failure
        self.video.append(unit)

    def on_audio(self, audio: DecodedAudio) -> None:
        if self._failure is not None:
            raise self._failure
        self.audio.append(audio)
