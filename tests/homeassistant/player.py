"""What a dashboard's player does, with aiortc as the browser: an offer without candidates, those
one by one, the answer and the far candidates by events.
"""

from __future__ import annotations

import asyncio
import fractions
import math
import time
from collections.abc import Coroutine
from typing import Any

import av
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp

from tests.homeassistant.link import Link
from tests.waiting import PATIENCE

_RATE, _SAMPLES = 48000, 960


class Tone(MediaStreamTrack):
    """What the browser's microphone hears."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._start: float | None = None
        self._at = 0

    async def recv(self) -> av.AudioFrame:
        if self._start is None:
            self._start = time.monotonic()
        await asyncio.sleep(max(0.0, self._start + self._at / _RATE - time.monotonic()))
        wave = (
            int(8000 * math.sin(2 * math.pi * 440 * (self._at + n) / _RATE))
            for n in range(_SAMPLES)
        )
        frame = av.AudioFrame(format="s16", layout="mono", samples=_SAMPLES)
        frame.planes[0].update(b"".join(each.to_bytes(2, "little", signed=True) for each in wave))
        frame.pts, frame.sample_rate = self._at, _RATE
        frame.time_base = fractions.Fraction(1, _RATE)
        self._at += _SAMPLES
        return frame


class Player:
    """An async context: leaving it closes the player, as somebody who closes a card does."""

    def __init__(self, link: Link, camera: str, *, talk: bool = False) -> None:
        self.peer = RTCPeerConnection()
        self.frames = {"audio": 0, "video": 0}
        # what Home Assistant says ended it, or kept it from beginning
        self.error: dict[str, Any] | None = None
        # seconds from the start to each thing
        self.times: dict[str, float] = {}
        self._link, self._camera = link, camera
        self._told = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []
        self._subscription: int | None = None
        if talk:
            self.peer.addTransceiver(Tone(), "sendrecv")
        else:
            self.peer.addTransceiver("audio", "recvonly")
        self.peer.addTransceiver("video", "recvonly")
        self.peer.on("track", lambda track: self._spawn(self._watch(track)))

    async def __aenter__(self) -> Player:
        self._began = time.monotonic()
        await self._link.command("camera/webrtc/get_client_config", entity_id=self._camera)
        await self.peer.setLocalDescription(await self.peer.createOffer())
        lines = self.peer.localDescription.sdp.splitlines()
        offer = [each for each in lines if not each.startswith(("a=candidate", "a=end-of"))]
        ends = lines.index(next(each for each in lines if each.startswith("m=video")))
        candidates = [each[2:] for each in lines[:ends] if each.startswith("a=candidate")]
        sdp = "\r\n".join(offer) + "\r\n"
        self._subscription, events = await self._link.subscribe(
            "camera/webrtc/offer", entity_id=self._camera, offer=sdp
        )
        self._spawn(self._signals(events, candidates))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave()

    async def leave(self) -> None:
        """Idempotent."""
        if self._subscription is not None:
            await self._link.command("unsubscribe_events", subscription=self._subscription)
            self._subscription = None
        await self.peer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def picture(self) -> None:
        """Until there is one."""
        await self._until("video")
        assert self.error is None, self.error

    async def sound(self) -> None:
        """Until there is some."""
        await self._until("audio")
        assert self.error is None, self.error

    async def refusal(self) -> dict[str, Any]:
        """Until it hears why there is none."""
        await self._until("error")
        assert self.error is not None
        return self.error

    async def more(self, count: int) -> None:
        """Until so many more pictures have come."""
        wanted = self.frames["video"] + count
        async with asyncio.timeout(PATIENCE), self._told:
            await self._told.wait_for(lambda: self.frames["video"] >= wanted or self.error)
        assert self.error is None, self.error

    async def _until(self, name: str) -> None:
        async with asyncio.timeout(PATIENCE), self._told:
            await self._told.wait_for(lambda: name in self.times or self.error is not None)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.ensure_future(work))

    async def _mark(self, name: str) -> None:
        async with self._told:
            self.times.setdefault(name, time.monotonic() - self._began)
            self._told.notify_all()

    async def _signals(self, events: asyncio.Queue[Any], candidates: list[str]) -> None:
        while True:
            event = await events.get()
            if event["type"] == "session":
                for line in candidates:
                    await self._link.command(
                        "camera/webrtc/candidate",
                        entity_id=self._camera,
                        session_id=event["session_id"],
                        candidate={"candidate": line, "sdpMLineIndex": 0, "sdpMid": "0"},
                    )
            elif event["type"] == "answer":
                await self._mark("answer")
                answer = RTCSessionDescription(event["answer"], "answer")
                await self.peer.setRemoteDescription(answer)
            elif event["type"] == "candidate":
                given = event["candidate"]
                candidate = candidate_from_sdp(given["candidate"].split(":", 1)[1])
                candidate.sdpMid = given.get("sdpMid")
                candidate.sdpMLineIndex = given.get("sdpMLineIndex")
                await self.peer.addIceCandidate(candidate)
            elif event["type"] == "error":
                self.error = event
                await self._mark("error")

    async def _watch(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                await track.recv()
                self.frames[track.kind] += 1
                await self._mark(track.kind)
        except MediaStreamError:
            # the peer is closed
            return
