"""A transport that connects when it is told to. `FakePeers` is the factory and keeps every one that
it made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agent.core.call.events import ErrorRaised, IceCandidate, MediaGrant, PeerConnected, PeerEvent
from agent.core.statistics.counters import PeerCounters, SentCounters, TransportCounters
from agent.ports import IceOptions, LocalStream, RemoteMedia


class FakePeer:
    def __init__(
        self,
        *,
        generation: int,
        local: LocalStream,
        grant: MediaGrant,
        ice: IceOptions,
        on_event: Callable[[PeerEvent], None],
        on_control: Callable[[str], None],
        remote: RemoteMedia | None = None,
    ) -> None:
        self.generation = generation
        self.local, self.remote, self.grant, self.ice = local, remote, grant, ice
        self.emit, self.control = on_event, on_control
        self.failure: Exception | None = None
        # a description of it has been made
        self.described = False
        # what a description of it says beside its generation
        self.sections = ""
        # cleared: descriptions are not made
        self.hold = asyncio.Event()
        self.hold.set()
        self.offered: str | None = None
        self.answered: str | None = None
        self.candidates: list[IceCandidate | None] = []
        self.controls: list[str] = []
        self.muted: dict[str, bool | None] = {}
        self.media = False
        # what `start_media` was told
        self.bitrate: int | None = None
        self.addresses = ("192.0.2.1", "192.0.2.2")
        self.closed = False
        self.frames = 0

    async def create_offer(self) -> str:
        return await self._describe("offer")

    async def create_answer(self, offer: str) -> str:
        self.offered = offer
        return await self._describe("answer")

    async def _describe(self, kind: str) -> str:
        await self.hold.wait()
        if self.failure is not None:
            raise self.failure
        self.described = True
        return f"{kind} {self.generation}{self.sections}"

    async def apply_answer(self, answer: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.answered = answer

    async def add_candidate(self, candidate: IceCandidate | None) -> None:
        self.candidates.append(candidate)

    def start_media(self, bitrate: int | None = None) -> None:
        self.media, self.bitrate = True, bitrate

    def pause_media(self) -> None:
        self.media = False

    def mute(self, *, audio: bool | None = None, video: bool | None = None) -> None:
        self.muted = {"audio": audio, "video": video}

    def send_control(self, text: str) -> bool:
        self.controls.append(text)
        return True

    def explain(self) -> ErrorRaised:
        return ErrorRaised("ice_failed", f"transport {self.generation} is not connected")

    def counters(self) -> PeerCounters:
        self.frames += 30
        sent = SentCounters(
            frames_sent=self.frames,
            bytes_sent=self.frames * 100,
            frame_width=640,
            frame_height=480,
            carried_bitrate=1_000_000,
        )
        return PeerCounters(
            at=asyncio.get_running_loop().time(),
            video_sent=sent,
            transport=TransportCounters(addresses=self.addresses),
        )

    def connect(self) -> None:
        self.emit(PeerConnected(self.generation))

    async def close(self) -> None:
        self.media = False
        self.closed = True


class FakePeers:
    """`prepare` may be set to change each peer before it is used."""

    def __init__(self) -> None:
        self.made: list[FakePeer] = []
        self.prepare: Callable[[FakePeer], None] = lambda _: None

    def __call__(
        self,
        *,
        generation: int,
        local: LocalStream,
        grant: MediaGrant,
        ice: IceOptions,
        on_event: Callable[[PeerEvent], None],
        on_control: Callable[[str], None],
        remote: RemoteMedia | None = None,
    ) -> FakePeer:
        peer = FakePeer(
            generation=generation,
            local=local,
            remote=remote,
            grant=grant,
            ice=ice,
            on_event=on_event,
            on_control=on_control,
        )
        self.prepare(peer)
        self.made.append(peer)
        return peer

    @property
    def last(self) -> FakePeer:
        return self.made[-1]
