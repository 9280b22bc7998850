"""Any bytes, floods, and invitations that are stale, retained, repeated or out of order: the device
serves on.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from agent.signaling.protocol.messages import format_time
from tests.conftest import Mosquitto
from tests.e2e.device import Watcher, call, device

pytestmark = [pytest.mark.broker, pytest.mark.media]

VP8_ONLY = "\r\n".join(
    [
        "v=0",
        "o=- 0 0 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "m=video 9 UDP/TLS/RTP/SAVPF 96",
        "c=IN IP4 0.0.0.0",
        "a=mid:0",
        "a=sendrecv",
        "a=rtcp-mux",
        "a=rtpmap:96 VP8/90000",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:abcdefghijklmnopqrstuvwx",
        "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
        "a=setup:actpass",
        "",
    ]
)
RING = '[[policy.rule]]\nname = "ask"\naction = "ring"\n'


def invite(**changes: Any) -> dict[str, Any]:
    message = {
        "type": "invite",
        "conversation": str(uuid.uuid4()),
        "party": "stranger",
        "sdp": "v=0\r\n",
        "sentAt": format_time(time.time()),
        "lifetime": 5,
    }
    return message | changes


async def assert_served(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A proper caller gets through."""
    caller = await call(tmp_path, mosquitto, "--seconds", "1", "--uid", "proper")
    code, _ = await caller.finish()
    assert code == 0, caller.log()


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    line = next(
        line
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("VmRSS")
    )
    return int(line.split()[1]) * 1024


async def test_any_bytes_on_any_topic(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    generator = random.Random(7)
    valid = json.dumps(invite()).encode()
    async with device(tmp_path, mosquitto, watcher) as program:
        for number in range(400):
            if number % 2:
                payload = generator.randbytes(generator.randrange(200))
            else:
                # a valid message with a few bytes changed
                changed = bytearray(valid)
                for _ in range(3):
                    changed[generator.randrange(len(changed))] = generator.randrange(256)
                payload = bytes(changed)
            sender = f"fuzzer-{number % 40}"
            watcher.publish(f"door-1/signal/{sender}", payload)
            watcher.publish(
                f"door-1/command/{generator.choice(['call', 'mute', 'open', 'policy', 'x'])}",
                payload,
            )
        for topic in (
            "door-1/signal",
            "door-1/signal/a/b",
            "door-1/signal/ ",
            "door-1/command/",
            "door-1/status/x",
        ):
            watcher.publish(topic, b"\x00\xff")
        await assert_served(tmp_path, mosquitto)
        assert program.process.returncode is None
        errors = [each.body for each in watcher.messages if "/signal/door-1" in each.name]
    assert {error["type"] for error in errors if error["party"] != "stranger"} <= {
        "error",
        "response",
        "candidate",
    }


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"{" * 100_000, "too_large"),
        (b"[" * 60_000, "too_deep"),
        (b"\xff\xfe", "not_json"),
        (b"[]", "not_an_object"),
        (b'{"type": "invite", "conversation": "x", "party": "p"}', "invalid"),
        (b'{"type": "dance"}', "unknown_type"),
    ],
)
async def test_malformed_messages_cost_their_sender_an_error(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, payload: bytes, code: str
) -> None:
    async with device(tmp_path, mosquitto, watcher):
        watcher.publish("door-1/signal/stranger", payload)
        # the device told the broker that it takes no such packet: it never comes
        if code == "too_large":
            watcher.publish("door-1/signal/stranger", b"{}")
            code = "invalid"
        error = await watcher.wait("stranger/signal/door-1")
    assert (error["type"], error["code"]) == ("error", code)


async def test_floods_meet_the_limits(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    policy = '[[policy.rule]]\nname = "proper"\ncallers = ["proper"]\naction = "accept"\n'
    async with device(tmp_path, mosquitto, watcher, policy=policy) as program:
        before = resident(program.pid)
        for number in range(3000):
            sent = watcher.publish(
                "door-1/signal/flooder", invite(sdp="v" * 1500), qos=int(number % 50 == 0)
            )
            if number % 50 == 0:
                # the watcher hears all of it as well, and keeps no more than a hundred waiting
                await sent
        await watcher.publish("door-1/signal/other", b"{}")
        await watcher.wait("other/signal/door-1")
        answers = [each.body for each in watcher.messages if each.name == "flooder/signal/door-1"]
        reasons = [answer["reason"] for answer in answers]
        assert reasons.count("not_allowed") == 10
        assert reasons.count("rate_limited") == 30
        assert len(reasons) == 40, "more than four times the limit is dropped in silence"
        await assert_served(tmp_path, mosquitto)
        assert resident(program.pid) - before < 40 << 20


@pytest.mark.parametrize("age", [60, -3 * 3600])
async def test_stale_invitation_never_rings(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, age: int
) -> None:
    """Nor does one of a time to come, which would not expire in a queue."""
    async with device(tmp_path, mosquitto, watcher, policy=RING):
        stale, now = invite(sentAt=format_time(time.time() - age)), format_time(time.time())
        watcher.publish("door-1/signal/late", stale)
        answer = await watcher.wait("late/signal/door-1")
        closed = await watcher.wait("door-1/events/closed")
    assert (answer["type"], answer["callStatus"], answer["reason"]) == (
        "response",
        "TIMEOUT",
        "expired",
    )
    assert answer["now"] >= now
    assert closed["reason"] == "invite_timeout"


async def test_retained_invitation_is_ignored(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    retained = invite()
    await watcher.publish("door-1/signal/ghost", retained, retain=True)
    async with device(tmp_path, mosquitto, watcher):
        await assert_served(tmp_path, mosquitto)
    assert not watcher.events(retained["conversation"])


async def test_repeated_invitation_starts_nothing(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    message = invite()
    async with device(tmp_path, mosquitto, watcher, policy=RING):
        for _ in range(3):
            watcher.publish("door-1/signal/twice", message)
        await watcher.publish("door-1/signal/twice", b"{}")
        await watcher.wait("twice/signal/door-1", lambda body: body["type"] == "error")
        # before it there is nothing to reject
        await watcher.wait("door-1/events/called")
        watcher.publish("door-1/command/reject", {})
        await watcher.wait("door-1/events/closed")
        watcher.publish("door-1/signal/twice", message)
        mark = len(watcher.messages)
        answer = await watcher.wait(
            "twice/signal/door-1", lambda body: body["type"] == "response", after=mark
        )
    names = [event["event"] for event in watcher.events(message["conversation"])]
    assert names == ["called", "response", "closed"]
    assert (answer["callStatus"], answer["reason"]) == ("REJECTED", "declined")


async def test_conversation_of_another_sender_is_in_use(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    message = invite()
    async with device(tmp_path, mosquitto, watcher, policy=RING):
        watcher.publish("door-1/signal/owner", message)
        await watcher.wait("owner/signal/door-1", lambda body: body["type"] == "ringing")
        watcher.publish("door-1/signal/thief", message | {"party": "thief"})
        answer = await watcher.wait("thief/signal/door-1")
        watcher.publish(
            "door-1/signal/thief", {**message, "type": "close", "reason": "user_hangup"}
        )
        watcher.publish(
            "door-1/signal/owner", {**message, "type": "close", "reason": "user_hangup"}
        )
        closed = await watcher.wait("door-1/events/closed")
    assert (answer["callStatus"], answer["reason"]) == ("REJECTED", "conversation_in_use")
    assert (closed["remoteUid"], closed["reason"]) == ("owner", "cancelled")


async def test_withdrawal_before_its_invitation(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    message = invite()
    async with device(tmp_path, mosquitto, watcher, policy=RING):
        watcher.publish(
            "door-1/signal/hasty", {**message, "type": "close", "reason": "user_hangup"}
        )
        watcher.publish("door-1/signal/hasty", message)
        await watcher.publish("door-1/signal/hasty", b"{}")
        await watcher.wait("hasty/signal/door-1", lambda body: body["type"] == "error")
    assert not watcher.events(message["conversation"])


@pytest.mark.parametrize(
    ("sdp", "reason", "says"),
    [
        ("v=0\r\n", "unusable_sdp", "no media section"),
        ("nonsense", "unusable_sdp", "v=0"),
        (VP8_ONLY, "no_common_codec", "H.264"),
    ],
)
async def test_offers_that_cannot_be_answered(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, sdp: str, reason: str, says: str
) -> None:
    async with device(tmp_path, mosquitto, watcher):
        watcher.publish("door-1/signal/stranger", invite(sdp=sdp))
        answer = await watcher.wait("stranger/signal/door-1")
        why = await watcher.wait(
            "stranger/signal/door-1", lambda message: message["type"] == "error"
        )
        await assert_served(tmp_path, mosquitto)
    assert (answer["callStatus"], answer["reason"]) == ("REJECTED", reason)
    assert why["code"] == reason
    assert says in why["message"]


async def test_candidates_for_ever(tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher) -> None:
    message = invite(lifetime=120)
    candidate = {
        "candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host",
        "sdpMid": "0",
        "sdpMLineIndex": 0,
    }
    async with device(tmp_path, mosquitto, watcher, policy=RING):
        watcher.publish("door-1/signal/talker", message)
        await watcher.wait("talker/signal/door-1")
        for _ in range(500):
            watcher.publish(
                "door-1/signal/talker", {**message, "type": "candidate", "candidate": candidate}
            )
        # who sends faster than he may is not heard for a while: his own close, too
        closing = asyncio.create_task(watcher.wait("door-1/events/closed"))
        while not closing.done():
            watcher.publish(
                "door-1/signal/talker", {**message, "type": "close", "reason": "user_hangup"}
            )
            await asyncio.wait([closing], timeout=0.5)
        closed = await closing
    assert closed["reason"] == "cancelled"
