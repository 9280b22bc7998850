"""A caller that is scripted message by message, with aiortc for its transport: it can do whatever
is forbidden.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from agent.signaling.protocol.messages import format_time
from tests.e2e.device import UID, Watcher
from tests.waiting import PATIENCE


class Stranger:
    """One conversation with the device."""

    def __init__(self, watcher: Watcher, uid: str, pc: RTCPeerConnection) -> None:
        self.pc = pc
        self.uid = uid
        self.conversation = str(uuid.uuid4())
        self._watcher = watcher
        self._connected = asyncio.Event()
        pc.on("connectionstatechange", self._changed)

    @classmethod
    @asynccontextmanager
    async def calling(
        cls, watcher: Watcher, uid: str, pc: RTCPeerConnection | None = None
    ) -> AsyncIterator[Stranger]:
        pc = pc or RTCPeerConnection(RTCConfiguration(iceServers=[]))
        try:
            yield cls(watcher, uid, pc)
        finally:
            await pc.close()

    async def offer(self) -> str:
        """Wants sound and a picture, and brings the data channel."""
        if not self.pc.getTransceivers():
            self.pc.addTransceiver("audio", direction="recvonly")
            self.pc.addTransceiver("video", direction="recvonly")
            self.pc.createDataChannel("callbox")
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return str(self.pc.localDescription.sdp)

    def say(self, kind: str, **fields: Any) -> None:
        """One message to the device."""
        head = {"type": kind, "conversation": self.conversation, "party": "stranger"}
        self._watcher.publish(f"{UID}/signal/{self.uid}", {**head, **fields})

    async def heard(self, kind: str, **fields: Any) -> Any:
        """The first message of that type and with those fields from the device, in this
        conversation.
        """
        wanted = {"type": kind, "conversation": self.conversation, **fields}
        return await self._watcher.wait(
            f"{self.uid}/signal/{UID}",
            lambda body: all(body.get(key) == value for key, value in wanted.items()),
        )

    async def invite(self, *, sdp: str | None = None, **fields: Any) -> Any:
        """Invite, and take the answer. Returns it. With an `sdp` of one's own the answer is not
        applied.
        """
        offer = sdp or await self.offer()
        self.say(
            "invite", **{"sdp": offer, "sentAt": format_time(time.time()), "lifetime": 30, **fields}
        )
        answer = await self.heard("response")
        if sdp is None and answer["callStatus"] == "ACCEPTED":
            await self.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
        return answer

    async def connected(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._connected.wait()

    def close(self) -> None:
        self.say("close", reason="user_hangup")

    async def closed(self) -> Any:
        """The record of this conversation."""
        return await self._watcher.wait(
            f"{UID}/events/closed", lambda body: body["conversation"] == self.conversation
        )

    def _changed(self) -> None:
        if self.pc.connectionState == "connected":
            self._connected.set()


async def assert_free(watcher: Watcher, uid: str) -> None:
    """The device is busy with nobody: a proper caller gets through to a picture, and the line is
    free again.
    """
    async with Stranger.calling(watcher, uid) as caller:
        answer = await caller.invite()
        assert answer["callStatus"] == "ACCEPTED", answer
        await caller.connected()
        track = next(
            each.receiver.track for each in caller.pc.getTransceivers() if each.kind == "video"
        )
        async with asyncio.timeout(PATIENCE):
            await track.recv()
        caller.close()
        await caller.closed()
    status = f"{UID}/status"
    mark = max(
        at
        for at, each in enumerate(watcher.messages)
        if each.name == status and each.body["conversations"]
    )
    await watcher.wait(f"{UID}/status", lambda body: body["conversations"] == 0, after=mark)
