"""The data channel `callbox`, both ways."""

from __future__ import annotations

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from agent.core.call.events import PeerConnected, PeerLost
from agent.counts import RefusalKind, refusals
from agent.ports import LocalStream
from agent.webrtc.data_channel import MAX_MESSAGE_SIZE
from tests.webrtc.feeds import ClipFeed
from tests.webrtc.pairs import Side, closing, connect, until

pytestmark = pytest.mark.media


async def test_control_channel_texts_pass_both_ways(clip: list[bytes]) -> None:
    device, caller = Side(LocalStream(ClipFeed(clip))), Side()
    async with closing(device, caller):
        assert not device.peer.send_control("too early")
        await connect(caller, device)
        await until(lambda: caller.peer.send_control("to the device"))
        await device.until(lambda: device.controls == ["to the device"])
        assert device.peer.send_control("to the caller")
        await caller.until(lambda: caller.controls == ["to the caller"])


async def test_control_channel_last_words_get_through(clip: list[bytes]) -> None:
    """What is said in the moment of closing arrives before the transport ends."""
    device, caller = Side(LocalStream(ClipFeed(clip))), Side()
    async with closing(device, caller):
        await connect(caller, device)
        await until(lambda: device.peer.send_control("bye"))
        await device.peer.close()
        lost = await caller.event(PeerLost)
        assert caller.controls == ["bye"]
        assert lost.closed


async def test_control_channel_size_is_bounded_both_ways(clip: list[bytes]) -> None:
    device, caller = Side(LocalStream(ClipFeed(clip))), Side()
    async with closing(device, caller):
        await connect(caller, device)
        await until(lambda: caller.peer.send_control("x"))
        longest = "y" * MAX_MESSAGE_SIZE
        assert not caller.peer.send_control(longest + "y")
        assert not caller.peer.send_control("é" * MAX_MESSAGE_SIZE)
        assert caller.peer.send_control(longest)
        await device.until(lambda: device.controls == ["x", longest])
        assert caller.peer.send_control(longest)
        # a buffer that is not drained fills, and then refuses
        while caller.peer.send_control(longest):
            pass


async def test_control_channel_other_labels_and_bytes_are_ignored(
    clip: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    device = Side(LocalStream(ClipFeed(clip)))
    far = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    other, right = far.createDataChannel("chat"), far.createDataChannel("callbox")
    async with closing(device):
        await far.setLocalDescription(await far.createOffer())
        answer = await device.peer.create_answer(far.localDescription.sdp)
        await far.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await device.event(PeerConnected)
        await until(lambda: right.readyState == "open" and other.readyState == "open")
        other.send("of no interest")
        before = refusals.totals()[RefusalKind.MESSAGE]
        for _ in range(10):
            right.send(b"bytes")
        right.send("text")
        await device.until(lambda: bool(device.controls))
        assert device.controls == ["text"]
        # counted each time, and told once
        assert refusals.totals()[RefusalKind.MESSAGE] == before + 10
        assert sum("is not text" in line for line in caplog.messages) == 1
        await far.close()
