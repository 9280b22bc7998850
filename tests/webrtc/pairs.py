"""Two peers of ours that call each other inside one loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

from aioice.ice import CandidatePair, StunProtocol

from agent.core.call.events import CandidateFound, MediaGrant, PeerConnected, PeerEvent
from agent.ports import IceOptions, LocalStream, RemoteMedia
from agent.webrtc.peer import AiortcPeer
from tests.waiting import PATIENCE

Event = TypeVar("Event")


class Side:
    """A peer, and everything that it reported."""

    def __init__(
        self,
        local: LocalStream | None = None,
        grant: MediaGrant | None = None,
        ice: IceOptions | None = None,
        generation: int = 0,
        sink: RemoteMedia | None = None,
    ) -> None:
        self.events: list[PeerEvent] = []
        self.controls: list[str] = []
        self._waiters: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self.peer = AiortcPeer(
            generation=generation,
            local=local or LocalStream(),
            remote=sink,
            grant=grant or MediaGrant(),
            ice=ice or IceOptions(),
            on_event=self._on_event,
            on_control=self._on_control,
        )

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    async def event(self, kind: type[Event], /, **fields: Any) -> Event:
        """The first event of this kind with these fields, waited for."""

        def matching() -> list[Event]:
            return [
                e
                for e in self.of(kind)
                if all(getattr(e, name) == value for name, value in fields.items())
            ]

        await self.until(lambda: bool(matching()))
        return matching()[0]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition that changes with events or texts."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((condition, waiter))
        self._wake()
        async with asyncio.timeout(PATIENCE):
            await waiter

    def candidates(self) -> list[CandidateFound]:
        return self.of(CandidateFound)

    def _on_event(self, event: PeerEvent) -> None:
        self.events.append(event)
        self._wake()

    def _on_control(self, text: str) -> None:
        self.controls.append(text)
        self._wake()

    def _wake(self) -> None:
        for condition, waiter in self._waiters:
            if not waiter.done() and condition():
                waiter.set_result(None)


async def until(condition: Callable[[], bool]) -> None:
    """Poll for what has no event: a counter that RTCP moves."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - RTCP has no event of its own
            await asyncio.sleep(0.01)


class Filter:
    """In place of the transport of a socket, until `end()`: lets a packet leave where `passes` says
    so.
    """

    def __init__(self, protocol: StunProtocol, passes: Callable[[bytes], bool]) -> None:
        self._protocol, self._transport, self._passes = protocol, protocol.transport, passes
        protocol.transport = cast("Any", self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def sendto(self, data: bytes, addr: Any = None) -> None:
        if self._passes(data):
            self._transport.sendto(data, addr)

    def end(self) -> None:
        self._protocol.transport = self._transport


class Hole:
    """Nothing that arrives at a peer gets through, and nothing that it sends leaves, until
    `end()`.
    """

    def __init__(self, peer: AiortcPeer) -> None:
        self._protocols = list(peer._pc.require_ice()._protocols)
        self._filters = [Filter(protocol, lambda _: False) for protocol in self._protocols]
        for protocol in self._protocols:
            protocol.datagram_received = lambda *_: None  # type: ignore[method-assign]

    def end(self) -> None:
        for protocol in self._protocols:
            del protocol.datagram_received
        for each in self._filters:
            each.end()


class Undecided:
    """The ICE of a caller that checks its pairs and chooses none, until it is told to."""

    def __init__(self, side: Side) -> None:
        self.ice = side.peer._pc.require_ice()
        self._build = self.ice.build_request
        self.ice.build_request = lambda pair, nominate: self._build(pair, nominate=False)  # type: ignore[method-assign]

    async def choose(self, pair: CandidatePair) -> None:
        assert self.ice.remote_password is not None
        request, password = self._build(pair, nominate=True), self.ice.remote_password.encode()
        await pair.protocol.request(request, pair.remote_addr, password)


async def connect(caller: Side, callee: Side, *, media: bool = True) -> None:
    """Offer, answer, and both connected; the gates open unless `media` is False."""
    offer = await caller.peer.create_offer()
    answer = await callee.peer.create_answer(offer)
    await caller.peer.apply_answer(answer)
    await caller.event(PeerConnected)
    await callee.event(PeerConnected)
    if media:
        caller.peer.start_media()
        callee.peer.start_media()


@asynccontextmanager
async def closing(*sides: Side) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for side in sides:
            await side.peer.close()
