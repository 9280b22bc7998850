"""However a transport is closed, and whatever the remote peer did before: nothing of it stays."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import os
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import aioice.stun
import pytest
from aiortc import RTCPeerConnection

from agent.core.call.events import (
    FirstFrameSeen,
    PeerConnected,
    PeerLost,
    TrackReceived,
)
from agent.ports import LocalStream
from agent.webrtc import internals as inside
from agent.webrtc import peer
from agent.webrtc.internals import consent, ending
from agent.webrtc.internals.ending import report_always
from tests.waiting import PATIENCE
from tests.webrtc.feeds import ClipFeed, MemorySink, SoundFeed
from tests.webrtc.offers import BROWSER_OFFER
from tests.webrtc.pairs import Hole, Side, closing, connect, until
from tests.webrtc.strangers import LOOPBACK, check_of, port_of, send_rtp, sockets_of, stranger

pytestmark = pytest.mark.media


def open_things() -> tuple[int, int, int]:
    gc.collect()
    return len(asyncio.all_tasks()), threading.active_count(), len(os.listdir("/proc/self/fd"))


async def many_sources(device: Side, caller: Side) -> None:
    table = device.peer._pc.require_dtls()._rtp_router.payload_type_table
    kind = next(kind for kind, receivers in table.items() if receivers)
    for number in range(400):
        await send_rtp(caller.peer, kind, number, 1_000_000 + number)


async def gone_without_a_word(_device: Side, caller: Side) -> None:
    for protocol in sockets_of(caller):
        protocol.transport.abort()


async def silent(_device: Side, caller: Side) -> None:
    Hole(caller.peer)


async def checks_from_everywhere(device: Side, _caller: Side) -> None:
    for _ in range(50):
        with stranger() as sender:
            sender.sendto(check_of(device), port_of(device))
    await asyncio.sleep(0)


async def broken_reports(device: Side, _caller: Side) -> None:
    """aiortc's own loop falls, and would never tell that it has ended."""
    for transceiver in device.peer._pc.getTransceivers():
        task: Any = transceiver.receiver._RTCRtpReceiver__rtcp_task  # type: ignore[attr-defined]
        if task is not None:
            task.cancel()
            transceiver.receiver._RTCRtpReceiver__rtcp_exited = asyncio.Event()  # type: ignore[attr-defined]


async def broken_socket(device: Side, _caller: Side) -> None:
    for protocol in sockets_of(device):
        protocol.transport.abort()


@pytest.mark.parametrize(
    "act",
    [
        many_sources,
        gone_without_a_word,
        silent,
        checks_from_everywhere,
        broken_reports,
        broken_socket,
    ],
)
async def test_ending_after_a_hostile_call_leaves_nothing_open(
    act: Callable[[Side, Side], Awaitable[None]],
    clip: list[bytes],
    sound: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(peer, "CLOSE_TIMEOUT", 0.5)

    async def call(hostile: bool) -> None:
        device = Side(LocalStream(ClipFeed(clip), SoundFeed(sound)), ice=LOOPBACK)
        caller = Side(LocalStream(audio=SoundFeed(sound)), ice=LOOPBACK)
        async with closing(caller):
            await connect(caller, device)
            await device.event(FirstFrameSeen)
            if hostile:
                await act(device, caller)
            async with asyncio.timeout(PATIENCE):
                await device.peer.close()

    await call(hostile=False)
    before = open_things()
    await call(hostile=True)
    await asyncio.sleep(0)
    assert open_things() == before


@pytest.mark.parametrize("when", ["before-ice", "before-dtls", "at-once"])
async def test_ending_in_set_up_leaves_nothing_open(when: str, clip: list[bytes]) -> None:
    """A handshake that is half open, and one that nobody answers."""

    async def call() -> None:
        device, caller = Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK), Side(ice=LOOPBACK)
        async with closing(device, caller):
            if when == "at-once":
                answering = asyncio.create_task(device.peer.create_answer(BROWSER_OFFER))
                await asyncio.sleep(0)
                await device.peer.close()
                with suppress(Exception):
                    await answering
                return
            answer = await device.peer.create_answer(await caller.peer.create_offer())
            if when == "before-dtls":
                dtls: Any = caller.peer._pc.require_dtls()
                dtls._write_ssl = nothing
                device_dtls: Any = device.peer._pc.require_dtls()
                await caller.peer.apply_answer(answer)
                await until(lambda: device_dtls.state == "connecting")

    async def nothing() -> None:
        pass

    await call()
    before = open_things()
    await call()
    assert open_things() == before


@pytest.mark.parametrize("by_itself", [False, True])
async def test_ending_while_dtls_connects_leaves_nothing_open(
    clip: list[bytes], sound: list[bytes], by_itself: bool
) -> None:
    """The streams are stopped before they are started: the handshake ends in the middle of it."""

    async def call(*, crosses: bool) -> None:
        device = Side(LocalStream(ClipFeed(clip), SoundFeed(sound)), ice=LOOPBACK)
        caller = Side(LocalStream(ClipFeed(clip), SoundFeed(sound)), ice=LOOPBACK)
        async with closing(device, caller):
            answer = await device.peer.create_answer(await caller.peer.create_offer())
            dtls: Any = device.peer._pc.require_dtls()
            start, stop, shaken, stopping = dtls.start, dtls.stop, asyncio.Event(), asyncio.Event()

            async def start_late(parameters: Any) -> None:
                await start(parameters)
                shaken.set()
                await stopping.wait()

            async def stop_slowly() -> None:
                stopping.set()
                # as where its last words have to be written
                for _ in range(3):
                    await asyncio.sleep(0)
                await stop()

            if crosses:
                dtls.start, dtls.stop = start_late, stop_slowly
            await caller.peer.apply_answer(answer)
            await (shaken.wait() if crosses else device.event(PeerConnected))
            if crosses and by_itself:
                # as aiortc does once the remote peer has closed
                await device.peer._pc.close()

    await call(crosses=False)
    before = open_things()
    await call(crosses=True)
    assert open_things() == before


async def test_ending_gives_sources_back_whatever_becomes_of_the_rest(
    clip: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server's part that takes no notice of its end."""
    monkeypatch.setattr(ending, "FINISH_TIMEOUT", 0.05)
    feed, over = ClipFeed(clip), asyncio.Event()
    device = Side(LocalStream(feed), ice=LOOPBACK)

    async def stubborn() -> None:
        while not over.is_set():
            with suppress(asyncio.CancelledError):
                await over.wait()

    await device.peer.create_offer()
    gathering = device.peer._gathering = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    closed = asyncio.create_task(device.peer.close())
    try:
        async with asyncio.timeout(PATIENCE):
            await feed.subscriptions[0].closed.wait()
            await closed
    finally:
        over.set()
        await asyncio.wait({gathering, closed})


async def test_ending_of_a_remote_peer_before_its_close_leaves_no_traceback(
    clip: list[bytes], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aioice.stun, "RETRY_RTO", 0.02)
    monkeypatch.setattr(consent, "CONSENT_INTERVAL", 0.01)
    device, caller = Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK), Side(ice=LOOPBACK)
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: faults.append(context))
    with caplog.at_level(logging.INFO):
        async with closing(device, caller):
            await connect(caller, device)
            await device.event(FirstFrameSeen)
            # a check of ours is under way, and its timer runs
            with stranger() as sender:
                sender.sendto(check_of(device), port_of(device))
                await caller.peer.close()
                await device.event(PeerLost)
            for protocol in sockets_of(device):
                protocol.transport.abort()
    # the next retransmission
    await asyncio.sleep(5 * aioice.stun.RETRY_RTO)
    assert not faults
    assert "Traceback" not in caplog.text


async def test_report_always_after_an_error_goes_on_and_tells_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class RTCRtpReceiver:
        def __init__(self) -> None:
            self.runs = 0
            self._RTCRtpReceiver__rtcp_exited = asyncio.Event()

        async def _run_rtcp(self) -> None:
            self.runs += 1
            await asyncio.sleep(0)
            if self.runs < 3:
                raise ValueError("a report that cannot be packed")

    receiver: Any = RTCRtpReceiver()
    report_always(receiver)
    await receiver._run_rtcp()
    assert receiver.runs == 3
    assert receiver._RTCRtpReceiver__rtcp_exited.is_set()
    assert caplog.text.count("Traceback") == 1


async def test_ending_finds_the_names_of_aiortc(pc: RTCPeerConnection) -> None:
    sender, receiver = pc.getSenders()[0], pc.getReceivers()[0]
    for stream, loops in ((sender, ("rtp", "rtcp")), (receiver, ("rtcp",))):
        kind = type(stream).__name__
        assert inspect.iscoroutinefunction(stream._run_rtcp)
        stop = inspect.getsource(type(stream).stop)
        for loop in loops:
            assert isinstance(getattr(stream, f"_{kind}__{loop}_exited"), asyncio.Event)
            assert f"self.__{loop}_task.cancel()" in stop
            assert f"self.__{loop}_exited.wait()" in stop
    assert callable(receiver._RTCRtpReceiver__stop_decoder)  # type: ignore[attr-defined]
    source = inspect.getsource(RTCPeerConnection.close)
    assert source.index("transceiver.stop()") < source.index("transport.transport.stop()")
    await pc.close()


async def test_ending_of_a_transport_that_fails_is_told(
    clip: list[bytes], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    device, caller = Side(LocalStream(ClipFeed(clip))), Side()
    async with closing(caller, device):
        await connect(caller, device)
        close = device.peer._pc.close

        async def broken() -> None:
            await close()
            raise OSError("a test's")

        monkeypatch.setattr(device.peer._pc, "close", broken)
        await device.peer.close()
    assert "failed at the end" in caplog.text
    assert "a test's" in caplog.text


async def test_ending_of_twenty_calls_leaves_nothing_behind(
    clip: list[bytes], sound: list[bytes]
) -> None:
    async def call() -> None:
        sink = MemorySink()
        device = Side(LocalStream(ClipFeed(clip), SoundFeed(sound)))
        caller = Side(LocalStream(ClipFeed(clip)), sink=sink)
        async with closing(device, caller):
            await connect(caller, device)
            await sink.seen(video=1, audio=1)
            await device.event(TrackReceived, kind="video")

    def open_things() -> tuple[int, int, int]:
        gc.collect()
        return len(asyncio.all_tasks()), threading.active_count(), len(os.listdir("/proc/self/fd"))

    await call()
    before = open_things()
    for _ in range(20):
        await call()
    assert open_things() == before
    assert not [thing for thing in gc.get_objects() if isinstance(thing, inside.PeerConnection)]
