"""Signaling over a broker: effects in, inputs out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from agent.core.call import events as ev
from agent.core.call.reasons import CallStatus, CloseReason
from agent.core.policy.known_callers import KnownCallers
from agent.core.policy.throttle import ThrottleOptions
from agent.counts import RefusalKind, refusals
from agent.ports import Signal
from agent.signaling.channel import SignalingChannel
from agent.signaling.protocol.messages import (
    NO_CONVERSATION,
    Close,
    Error,
    Invite,
    encode,
    format_time,
    parse_signal,
)
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork
from tests.fakes.reader import reading, stream_of
from tests.waiting import PATIENCE

PREFIX = "callbox/v1"
NOW = 1_800_000_000.0
CONVERSATION = "6f1c2a34-5b6d-4e7f-8a90-1b2c3d4e5f60"
CLOSE = Close(conversation=CONVERSATION, party="p-2", reason="user_hangup")
HANG_UP = ev.SendClose("desk", CloseReason.USER_HANGUP)
INVITE = Invite(
    conversation=CONVERSATION, party="p-2", sdp="v=0", sent_at=format_time(NOW - 3), lifetime=12.5
)


@dataclass
class Scene:
    """A device that signals, and somebody who calls it."""

    network: FakeNetwork
    broker: FakeBroker
    channel: SignalingChannel
    caller: FakeBroker
    now: float = NOW

    async def say(self, payload: bytes, sender: str = "desk") -> None:
        await self.caller.publish(f"{PREFIX}/door-1/signal/{sender}", payload)

    async def signal(self) -> Signal:
        async with asyncio.timeout(PATIENCE):
            return await self.channel.receive()

    async def answer(self) -> Any:
        async with asyncio.timeout(PATIENCE):
            return parse_signal((await stream_of(self.caller).receive()).payload)

    async def reconnect(self) -> None:
        self.network.stop(forget=False)
        self.network.start()
        await self.broker.wait_connected(30)
        await self.caller.wait_connected(30)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    network = FakeNetwork()
    broker, caller = FakeBroker(network, "door-1"), FakeBroker(network, "desk")
    channel = SignalingChannel(
        broker, uid="door-1", prefix=PREFIX, party="p-1", now=lambda: made.now
    )
    made = Scene(network, broker, channel, caller)
    async with broker, reading(caller, f"{PREFIX}/desk/signal/+"):
        await broker.wait_connected(30)
        await caller.wait_connected(30)
        yield made


async def test_channel_subscribes_to_what_is_said_to_its_uid(scene: Scene) -> None:
    assert scene.network.subscriptions_of("door-1") == {f"{PREFIX}/door-1/signal/+": 1}


async def test_channel_sender_is_named_by_the_topic(scene: Scene) -> None:
    await scene.say(encode(CLOSE))
    signal = await scene.signal()
    assert (signal.sender, signal.conversation) == ("desk", CONVERSATION)
    assert signal.content == ev.CloseReceived("desk", "p-2", CloseReason.USER_HANGUP)


@pytest.mark.parametrize(("now", "age"), [(NOW, 3.0), (60.0, None)])
async def test_channel_invitation_has_its_age_where_the_clock_is_set(
    scene: Scene, now: float, age: float | None
) -> None:
    scene.now = now
    await scene.say(encode(INVITE))
    signal = await scene.signal()
    assert signal.content == ev.Invitation(CONVERSATION, "desk", "p-2", "v=0", 12.5, age)


async def test_channel_conversation_is_the_same_in_capital_letters(scene: Scene) -> None:
    """Who invites reads its own form of the id in the answer; the core knows one form alone."""
    shouted = CONVERSATION.upper()
    await scene.say(encode(INVITE.model_copy(update={"conversation": shouted})))
    invited = await scene.signal()
    assert isinstance(invited.content, ev.Invitation)
    assert (invited.conversation, invited.content.conversation) == (CONVERSATION, CONVERSATION)
    await scene.say(encode(CLOSE))
    await scene.say(encode(CLOSE.model_copy(update={"conversation": shouted})))
    assert [(await scene.signal()).conversation for _ in range(2)] == [CONVERSATION] * 2
    scene.channel.send(HANG_UP, to="desk", conversation=CONVERSATION)
    assert (await scene.answer()).conversation == shouted
    text = scene.channel.encode_control(HANG_UP, conversation=CONVERSATION)
    assert parse_signal(text.encode()).conversation == shouted


async def test_channel_acknowledged_signal_does_not_come_again(scene: Scene) -> None:
    await scene.say(encode(CLOSE))
    first = await scene.signal()
    await scene.reconnect()
    again = await scene.signal()
    assert again.content == first.content
    again.ack()
    await scene.reconnect()
    await scene.say(encode(CLOSE), "fence")
    assert (await scene.signal()).sender == "fence"


async def test_channel_passes_over_what_is_not_for_us(scene: Scene) -> None:
    for topic in ("door-1/status", "door-2/signal/desk", "door-1/other", "door-1/signal/a b"):
        await scene.caller.publish(f"{PREFIX}/{topic}", encode(CLOSE))
    await scene.caller.publish(f"{PREFIX}/door-1/signal/desk", encode(CLOSE), retain=True)
    await scene.say(encode(CLOSE), "last")
    signal = await scene.signal()
    assert signal.sender == "last"
    signal.ack()
    # all was acknowledged: it does not come again
    await scene.reconnect()
    await scene.say(encode(CLOSE), "fence")
    assert (await scene.signal()).sender == "fence"


async def test_channel_malformed_signal_is_answered_and_acknowledged(scene: Scene) -> None:
    payload = {"type": "close", "conversation": CONVERSATION, "party": "p"}
    await scene.say(json.dumps(payload).encode())
    await scene.say(encode(CLOSE), "next")
    (await scene.signal()).ack()
    assert await scene.answer() == Error(
        conversation=CONVERSATION, party="p-1", code="invalid", message="close.reason: is required"
    )
    await scene.reconnect()
    await scene.say(encode(CLOSE), "fence")
    assert (await scene.signal()).sender == "fence"


async def test_channel_malformed_signal_without_a_conversation_is_answered_without_one(
    scene: Scene,
) -> None:
    await scene.say(b"\xff" * 100)
    await scene.say(encode(CLOSE), "next")
    await scene.signal()
    answer = await scene.answer()
    assert (answer.conversation, answer.code) == (NO_CONVERSATION, "not_json")


async def test_channel_malformed_error_is_not_answered(scene: Scene) -> None:
    await scene.say(b'{"type":"error","conversation":7}')
    await scene.say(b"{}")
    await scene.say(encode(CLOSE), "next")
    await scene.signal()
    assert (await scene.answer()).code == "invalid"
    assert len([each for each in scene.network.published if "/desk/signal" in each.topic]) == 1


async def test_channel_sender_of_many_malformed_signals_is_not_told_each_time(
    scene: Scene,
) -> None:
    for _ in range(30):
        await scene.say(b"{}")
    await scene.say(encode(CLOSE), "next")
    await scene.signal()
    answers = [each for each in scene.network.published if "/desk/signal" in each.topic]
    assert len(answers) == 10


async def test_channel_invitation_expires_with_its_lifetime(scene: Scene) -> None:
    invite = ev.SendInvite("desk", "v=0", 12.5, {"why": "test"})
    await scene.channel.send(invite, to="desk", conversation=CONVERSATION)
    await scene.channel.send(HANG_UP, to="desk", conversation=CONVERSATION)
    sent = scene.network.published
    assert [message.expires_at for message in sent] == [13, float("inf")]
    assert {message.topic for message in sent} == {f"{PREFIX}/desk/signal/door-1"}
    assert not any(message.retain for message in sent)
    assert await scene.answer() == Invite(
        conversation=CONVERSATION,
        party="p-1",
        sdp="v=0",
        sent_at=format_time(NOW),
        lifetime=12.5,
        user_data={"why": "test"},
    )


async def test_channel_times_are_by_the_remote_clock(scene: Scene) -> None:
    invite = ev.SendInvite("desk", "v=0", 12.5)
    await scene.channel.send(invite, to="desk", conversation=CONVERSATION, clock_offset=3600)
    assert (await scene.answer()).sent_at == format_time(NOW + 3600)


@pytest.mark.parametrize(
    ("to", "lifetime", "user_data", "word"),
    [
        (["no/uid"], 30.0, None, "no/uid"),
        (["bob", "+"], 30.0, None, r"'\+'"),
        (["bob"], 121.0, None, "lifetime"),
        (["bob"], 30.0, "x" * 5000, "user_data"),
    ],
)
async def test_channel_invitation_that_cannot_be_sent_is_refused(
    scene: Scene, to: list[str], lifetime: float, user_data: Any, word: str
) -> None:
    with pytest.raises(ValueError, match=word):
        scene.channel.check_invitation(to, lifetime, user_data)


async def test_channel_control_text_is_the_same_message(scene: Scene) -> None:
    text = scene.channel.encode_control(HANG_UP, conversation=CONVERSATION)
    assert parse_signal(text.encode()) == Close(
        conversation=CONVERSATION, party="p-1", reason="user_hangup"
    )
    signal = scene.channel.decode_control("desk", text)
    assert signal is not None
    assert (signal.sender, signal.conversation) == ("desk", CONVERSATION)
    assert signal.content == ev.CloseReceived("desk", "p-1", CloseReason.USER_HANGUP)


@pytest.mark.parametrize("text", ["", "{}", "[" * 200, json.dumps({"type": "close"}), "\ud800"])
async def test_channel_control_text_that_cannot_be_read_is_nothing(scene: Scene, text: str) -> None:
    assert scene.channel.decode_control("desk", text) is None


async def test_channel_sender_who_floods_is_throttled_and_others_are_not(scene: Scene) -> None:
    for _ in range(round(ThrottleOptions().sender.burst_messages) + 50):
        await scene.say(encode(CLOSE), "flood")
    await scene.say(encode(CLOSE), "friend")
    senders = [(await scene.signal()).sender]
    while senders[-1] != "friend":
        senders.append((await scene.signal()).sender)
    assert senders.count("flood") <= ThrottleOptions().sender.burst_messages + 20


@pytest.mark.parametrize("sender", ["family-anna", "invited", "accepted", "nobody"])
async def test_channel_made_up_names_do_not_silence_whom_we_know(scene: Scene, sender: str) -> None:
    broker = FakeBroker(scene.network, "door-2")
    channel = SignalingChannel(
        broker,
        uid="door-2",
        prefix=PREFIX,
        party="p-1",
        # however long this takes, nothing is refilled
        monotonic=lambda: 1.0,
        known_callers=lambda: KnownCallers(["family-*"]),
    )
    async with broker:
        await broker.wait_connected(30)
        channel.send(
            ev.SendInvite("invited", "v=0", 30.0, None), to="invited", conversation=CONVERSATION
        )
        accepted = ev.SendResponse(CallStatus.ACCEPTED, sdp="v=0")
        channel.send(accepted, to="accepted", conversation=CONVERSATION)
        rejected = ev.SendResponse(CallStatus.REJECTED, "rejected")
        channel.send(rejected, to="nobody", conversation=CONVERSATION)
        topic = f"{PREFIX}/door-2/signal/"
        for number in range(1000):
            await scene.caller.publish(f"{topic}made-up-{number}", encode(CLOSE))
        await scene.caller.publish(f"{topic}{sender}", encode(CLOSE))
        await scene.caller.publish(f"{topic}family-last", encode(CLOSE))
        senders = set[str]()
        async with asyncio.timeout(PATIENCE):
            while "family-last" not in senders:
                senders.add((await channel.receive()).sender)
    assert (sender in senders) is (sender != "nobody")


async def test_channel_control_texts_are_throttled_before_they_are_read(scene: Scene) -> None:
    before = refusals.totals()[RefusalKind.MESSAGE]
    text = encode(CLOSE).decode()
    read = [scene.channel.decode_control("desk", text) for _ in range(1000)]
    refused = read.count(None)
    assert 0 < 1000 - refused < 300
    assert refusals.totals()[RefusalKind.MESSAGE] == before + refused


async def test_channel_malformed_control_texts_are_logged_a_few_times(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for _ in range(90):
        assert scene.channel.decode_control("desk", "{") is None
    assert 0 < len(caplog.messages) < 30
