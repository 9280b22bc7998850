"""Far sides that keep to no rule. After each the device is busy with nobody, and serves a proper
caller.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aioice
import pytest
from aiortc import RTCSessionDescription

from tests.conftest import Mosquitto
from tests.e2e.device import Program, Watcher, device
from tests.faults.stranger import Stranger, assert_free
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.broker, pytest.mark.media]

SOON = '[call]\nsetup_timeout = "2s"\n'
CANDIDATE = {
    "candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host",
    "sdpMid": "0",
    "sdpMLineIndex": 0,
}


@asynccontextmanager
async def door(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, extra: str = SOON
) -> AsyncIterator[Program]:
    """A device that is found free at the end."""
    async with device(tmp_path, mosquitto, watcher, extra) as program:
        yield program
        await assert_free(watcher, "proper")


async def test_who_never_connects(tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher) -> None:
    """And talks all the while: candidates for ever, fresh offers before there is a call, errors."""
    async with door(tmp_path, mosquitto, watcher), Stranger.calling(watcher, "ghost") as ghost:
        sdp = re.sub(r"a=candidate:.*\r\n", "", await ghost.offer())
        assert (await ghost.invite(sdp=sdp))["callStatus"] == "ACCEPTED"
        for number in range(1000):
            ghost.say("candidate", candidate=CANDIDATE)
            if number % 10 == 0:
                ghost.say("offer", generation=number + 1, sdp=sdp)
                ghost.say("error", code="no", message="no")
        assert (await ghost.heard("close"))["reason"] == "ice_failed"
        record = await ghost.closed()
    assert (record["reason"], record["closedBy"], record["callStatus"]) == (
        "ice_failed",
        "local",
        "ACCEPTED",
    )


async def test_a_handshake_that_never_ends(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """ICE connects, and nobody answers DTLS."""
    ice = aioice.Connection(ice_controlling=True)
    await ice.gather_candidates()
    async with door(tmp_path, mosquitto, watcher), Stranger.calling(watcher, "mute") as mute:
        answer = await mute.invite(sdp=_described_by(ice, await mute.offer()))
        await _learn(ice, answer["sdp"])
        async with asyncio.timeout(PATIENCE):
            await ice.add_remote_candidate(None)
            await ice.connect()
        record = await mute.closed()
    await ice.close()
    assert record["reason"] == "ice_failed"
    assert "ice" in record["setup"]
    assert "dtls" not in record["setup"]


def _described_by(ice: aioice.Connection, sdp: str) -> str:
    """The same media, to be reached by `ice`."""
    sdp = re.sub(r"a=ice-ufrag:\S+", f"a=ice-ufrag:{ice.local_username}", sdp)
    sdp = re.sub(r"a=ice-pwd:\S+", f"a=ice-pwd:{ice.local_password}", sdp)
    sdp = re.sub(r"a=(candidate:.*|end-of-candidates)\r\n", "", sdp)
    lines = "".join(f"a=candidate:{each.to_sdp()}\r\n" for each in ice.local_candidates)
    return sdp.replace("a=mid:0\r\n", f"a=mid:0\r\n{lines}", 1)


async def _learn(ice: aioice.Connection, sdp: str) -> None:
    for line in dict.fromkeys(re.findall(r"a=candidate:(.*)\r\n", sdp)):
        await ice.add_remote_candidate(aioice.Candidate.from_sdp(line))
    ice.remote_username = re.findall(r"a=ice-ufrag:(\S+)", sdp)[0]
    ice.remote_password = re.findall(r"a=ice-pwd:(\S+)", sdp)[0]


async def test_renewals_for_ever(tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher) -> None:
    """Each with a transport that nobody connects to. The first one carries the media all the
    while.
    """
    async with (
        door(tmp_path, mosquitto, watcher),
        Stranger.calling(watcher, "restless") as restless,
    ):
        await restless.invite()
        await restless.connected()
        sdp = await restless.offer()
        for generation in range(1, 301):
            restless.say("offer", generation=generation, sdp=sdp)
        await seen_by(watcher, restless)
        assert await pictures(restless, 10) == 10
        restless.close()
        record = await restless.closed()
        answers = [
            each
            for each in watcher.messages
            if isinstance(each.body, dict) and each.body.get("type") == "answer"
        ]
    assert record["reason"] == "user_hangup"
    assert len(answers) <= 100


async def test_channels_and_messages_without_end(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    async with door(tmp_path, mosquitto, watcher), Stranger.calling(watcher, "talker") as talker:
        await talker.invite()
        await talker.connected()
        for number in range(100):
            channel = talker.pc.createDataChannel(f"channel-{number}")
            channel.on("open", lambda channel=channel: channel.send("y" * 60_000))
        assert await pictures(talker, 30) == 30
        talker.close()
        record = await talker.closed()
    assert (record["reason"], record["closedBy"]) == ("user_hangup", "remote")


async def test_who_is_called_and_never_answers(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """Or too late: then it is told, and nothing begins."""
    async with door(tmp_path, mosquitto, watcher), Stranger.calling(watcher, "friend") as friend:
        watcher.publish("door-1/command/call", {"to": ["friend"], "lifetime": 1})
        sdp = await be_called(watcher, friend)
        record = await friend.closed()
        friend.say("response", callStatus="ACCEPTED", sdp=sdp)
        told = await friend.heard("close", reason="invite_timeout")
        mark = len(watcher.messages)
        friend.say("response", callStatus="ACCEPTED", sdp=sdp)
        await watcher.wait("friend/signal/door-1", lambda body: body["type"] == "close", after=mark)
    assert (record["reason"], record["callStatus"]) == ("invite_timeout", "TIMEOUT")
    assert told["conversation"] == friend.conversation
    assert [each["event"] for each in watcher.events(friend.conversation)].count("closed") == 1


async def test_who_is_called_and_answers_twice(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """The first answer counts; what else comes, from the same client or another, changes
    nothing.
    """
    async with door(tmp_path, mosquitto, watcher), Stranger.calling(watcher, "friend") as friend:
        watcher.publish("door-1/command/call", {"to": ["friend"], "lifetime": 30})
        await friend.pc.setRemoteDescription(
            RTCSessionDescription(await be_called(watcher, friend), "offer")
        )
        await friend.pc.setLocalDescription(await friend.pc.createAnswer())
        answer = friend.pc.localDescription.sdp
        friend.say("response", callStatus="ACCEPTED", sdp=answer)
        friend.say(
            "response",
            callStatus="ACCEPTED",
            sdp=re.sub(r"a=ice-ufrag:\S+", "a=ice-ufrag:other", answer),
        )
        friend.say("response", callStatus="REJECTED", reason="no")
        friend.say("response", callStatus="ACCEPTED", sdp=answer, party="another")
        await friend.connected()
        assert await pictures(friend, 10) == 10
        friend.close()
        record = await friend.closed()
        selected = [
            each.body
            for each in watcher.messages
            if isinstance(each.body, dict) and each.body.get("type") == "select"
        ]
    assert (record["reason"], record["callStatus"]) == ("user_hangup", "ACCEPTED")
    assert {each["selectedParty"] for each in selected} == {"stranger"}
    names = [each["event"] for each in watcher.events(friend.conversation)]
    assert (names.count("response"), names.count("closed")) == (1, 1)


async def be_called(watcher: Watcher, friend: Stranger) -> str:
    """Take the device's invitation; returns its offer."""
    invite = await watcher.wait("friend/signal/door-1", lambda body: body["type"] == "invite")
    friend.conversation = invite["conversation"]
    return str(invite["sdp"])


async def seen_by(watcher: Watcher, stranger: Stranger) -> None:
    """The device has handled everything before this."""
    mark = len(watcher.messages)
    await watcher.publish(f"door-1/signal/{stranger.uid}", b"{}")
    await watcher.wait(
        f"{stranger.uid}/signal/door-1", lambda body: body["type"] == "error", after=mark
    )


async def pictures(stranger: Stranger, count: int) -> int:
    """Pictures that arrive."""
    track = next(
        each.receiver.track for each in stranger.pc.getTransceivers() if each.kind == "video"
    )
    async with asyncio.timeout(PATIENCE):
        for _ in range(count):
            await track.recv()
    return count
