"""aiortc as it is released, offering and saying what go2rtc's client does."""

from __future__ import annotations

import asyncio
import json
from types import TracebackType
from typing import Any, Self

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, MediaStreamTrack
from aiortc.sdp import SessionDescription
from websockets.asyncio.client import connect

from tests.waiting import PATIENCE


class _Microphone(AudioStreamTrack):
    """Gives nothing until somebody speaks."""

    def __init__(self) -> None:
        super().__init__()
        self.speaks = asyncio.Event()

    async def recv(self) -> Any:
        await self.speaks.wait()
        return await super().recv()


class Go2rtcPlayer:
    """An async context."""

    def __init__(self) -> None:
        configuration = RTCConfiguration(bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        self._pc = RTCPeerConnection(configuration)
        self._microphone = _Microphone()
        self._frames: dict[str, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []
        for kind in ("video", "audio"):
            self._frames[kind] = asyncio.Event()
            self._pc.addTransceiver(kind, direction="recvonly")
        self._pc.addTransceiver(self._microphone, direction="sendonly")
        self._pc.on("track", self._watch)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def view(self, url: str) -> list[tuple[str, str]]:
        """Kind and direction of each section of the answer."""
        await self._pc.setLocalDescription(await self._pc.createOffer())
        async with asyncio.timeout(PATIENCE), connect(url) as socket:
            offer = {"type": "webrtc/offer", "value": self._pc.localDescription.sdp}
            await socket.send(json.dumps(offer))
            answer = json.loads(await socket.recv())
            assert answer["type"] == "webrtc/answer", answer
            description = RTCSessionDescription(answer["value"], "answer")
            await self._pc.setRemoteDescription(description)
            await self._frames["video"].wait()
        media = SessionDescription.parse(answer["value"]).media
        return [(each.kind, str(each.direction)) for each in media]

    async def seen(self, kind: str) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._frames[kind].wait()

    def speak(self, on: bool) -> None:
        if on:
            self._microphone.speaks.set()
        else:
            self._microphone.speaks.clear()

    async def close(self) -> None:
        await self._pc.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _watch(self, track: MediaStreamTrack) -> None:
        async def run() -> None:
            try:
                while True:
                    await track.recv()
                    self._frames[track.kind].set()
            except MediaStreamError:
                return

        self._tasks.append(asyncio.create_task(run()))
