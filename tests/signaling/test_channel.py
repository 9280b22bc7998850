"""Typed signalling over a broker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from agent.core.call.reasons import Direction
from agent.errors import MalformedMessage, SignalingError
from agent.signaling.channel import CommandRequest, Signal, Signaling
from agent.signaling.protocol.messages import (
    NO_CONVERSATION,
    CalledEvent,
    Close,
    CommandResult,
    Error,
    EventHeader,
    Invite,
    LocalStatsEvent,
    OpenCommand,
    encode,
    parse_signal,
)
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork
from tests.fakes.reader import reading, stream_of

PREFIX = "callbox/v1"
CONVERSATION = "6f1c2a34-5b6d-4e7f-8a90-1b2c3d4e5f60"
CLOSE = Close(conversation=CONVERSATION, party="p-2", reason="user_hangup")


@pytest.fixture
def network() -> FakeNetwork:
    return FakeNetwork()


@pytest.fixture
async def signaling(network: FakeNetwork) -> AsyncIterator[Signaling]:
    broker = FakeBroker(network, "door-1")
    signaling = Signaling(
        broker, uid="door-1", prefix=PREFIX, party="p-1", now=lambda: 1795342500.123
    )
    async with broker:
        await broker.wait_connected(30)
        yield signaling


@pytest.fixture
async def caller(network: FakeNetwork) -> AsyncIterator[FakeBroker]:
    broker = FakeBroker(network, "desk")
    async with reading(broker, "callbox/v1/desk/signal/+", "replies/#"):
        await broker.wait_connected(30)
        yield broker


async def signal(signaling: Signaling) -> Signal:
    async with asyncio.timeout(30):
        return await signaling.receive()


async def command(signaling: Signaling) -> CommandRequest:
    async with asyncio.timeout(30):
        return await signaling.receive_command()


async def test_the_sender_is_named_by_the_topic(signaling: Signaling, caller: FakeBroker) -> None:
    await caller.publish("callbox/v1/door-1/signal/desk", encode(CLOSE))
    message = await signal(signaling)
    assert (message.sender, message.message, message.conversation) == ("desk", CLOSE, CONVERSATION)


async def test_an_acknowledged_signal_does_not_come_again(
    signaling: Signaling, caller: FakeBroker, network: FakeNetwork
) -> None:
    await caller.publish("callbox/v1/door-1/signal/desk", encode(CLOSE))
    first = await signal(signaling)
    network.stop(forget=False)
    network.start()
    again = await signal(signaling)
    assert again.message == first.message
    again.ack()
    network.stop(forget=False)
    network.start()
    await signaling.broker.wait_connected(30)
    await caller.wait_connected(30)
    await caller.publish("callbox/v1/door-1/signal/desk", b"fence")
    assert isinstance((await signal(signaling)).message, MalformedMessage)


async def test_what_is_not_for_us_is_passed_over(
    signaling: Signaling, caller: FakeBroker, network: FakeNetwork
) -> None:
    for topic in (
        "door-1/status",
        "door-2/signal/desk",
        "door-2/command/open",
        "door-1/other",
        "door-1/signal/a b",
    ):
        await caller.publish(f"callbox/v1/{topic}", encode(CLOSE))
    await caller.publish("callbox/v1/door-1/signal/desk", encode(CLOSE), retain=True)
    await caller.publish("callbox/v1/door-1/command/open", b"{}", retain=True)
    await caller.publish("callbox/v1/door-1/signal/last", encode(CLOSE))
    await caller.publish("callbox/v1/door-1/command/last", b"{}")
    message, asked = await signal(signaling), await command(signaling)
    assert (message.sender, asked.verb) == ("last", "last")
    message.ack()
    asked.ack()
    # all was acknowledged: it does not come again
    network.stop(forget=False)
    network.start()
    await signaling.broker.wait_connected(30)
    await caller.wait_connected(30)
    await caller.publish("callbox/v1/door-1/signal/fence", encode(CLOSE))
    assert (await signal(signaling)).sender == "fence"


async def test_a_malformed_signal_says_what_can_be_said_of_it(
    signaling: Signaling, caller: FakeBroker
) -> None:
    payload = {"type": "close", "conversation": CONVERSATION, "party": "p"}
    await caller.publish("callbox/v1/door-1/signal/desk", json.dumps(payload).encode())
    message = await signal(signaling)
    assert isinstance(message.message, MalformedMessage)
    assert str(message.message) == "close.reason: is required"
    assert (message.conversation, message.answerable) == (CONVERSATION, True)
    assert signaling.send_error(message) is not None
    answer = parse_signal((await stream_of(caller).receive()).payload)
    assert answer == Error(
        conversation=CONVERSATION, party="p-1", code="invalid", message="close.reason: is required"
    )


async def test_a_message_without_a_conversation_is_answered_without_one(
    signaling: Signaling, caller: FakeBroker
) -> None:
    await caller.publish("callbox/v1/door-1/signal/desk", b"\xff" * 100)
    assert signaling.send_error(await signal(signaling)) is not None
    answer = parse_signal((await stream_of(caller).receive()).payload)
    assert isinstance(answer, Error)
    assert (answer.conversation, answer.code) == (NO_CONVERSATION, "not_json")


async def test_an_error_about_an_error_is_never_sent(
    signaling: Signaling, caller: FakeBroker
) -> None:
    await caller.publish("callbox/v1/door-1/signal/desk", b'{"type":"error","conversation":7}')
    message = await signal(signaling)
    assert not message.answerable
    assert signaling.send_error(message) is None


async def test_an_invitation_expires_with_its_lifetime(
    signaling: Signaling, caller: FakeBroker, network: FakeNetwork
) -> None:
    invite = Invite(
        conversation=CONVERSATION,
        party="p-1",
        sdp="v=0",
        sent_at="2026-11-22T10:15:00Z",
        lifetime=12.5,
    )
    await signaling.send("desk", invite)
    await signaling.send("desk", CLOSE)
    await signaling.send("desk", CLOSE, expiry=7)
    assert [message.expires_at for message in network.published] == [13, float("inf"), 7]
    assert {message.topic for message in network.published} == {"callbox/v1/desk/signal/door-1"}
    assert not any(message.retain for message in network.published)
    assert parse_signal((await stream_of(caller).receive()).payload) == invite


async def test_statistics_are_sent_at_most_once(signaling: Signaling, network: FakeNetwork) -> None:
    header = EventHeader(
        event_id="e",
        device="door-1",
        conversation=CONVERSATION,
        remote_uid="desk",
        direction=Direction.INCOMING,
        timestamp="2026-11-22T10:15:00Z",
    )
    await signaling.publish_event(CalledEvent.of(header))
    await signaling.publish_event(LocalStatsEvent.of(header))
    assert [(message.topic, message.qos) for message in network.published] == [
        ("callbox/v1/door-1/events/called", 1),
        ("callbox/v1/door-1/events/local_stats", 0),
    ]


async def test_the_result_goes_to_the_response_topic(
    signaling: Signaling, caller: FakeBroker
) -> None:
    await caller.publish(
        "callbox/v1/door-1/command/open",
        b'{"id":"r-1"}',
        response_topic="replies/1",
        correlation_data=b"\x01",
    )
    request = await command(signaling)
    assert (request.verb, request.command, request.id) == ("open", OpenCommand(id="r-1"), "r-1")
    await request.reply(CommandResult.success(opened_for=3))
    answer = await stream_of(caller).receive()
    assert (answer.topic, answer.correlation_data) == ("replies/1", b"\x01")
    assert json.loads(answer.payload) == {"ok": True, "openedFor": 3, "id": "r-1"}


async def test_without_a_response_topic_the_result_is_an_event(
    signaling: Signaling, caller: FakeBroker, network: FakeNetwork
) -> None:
    await caller.publish("callbox/v1/door-1/command/open", b'{"id":"r-1"}')
    await (await command(signaling)).reply(
        CommandResult.failure("no_door", "no door is configured")
    )
    assert network.published[-1].topic == "callbox/v1/door-1/events/command_result"
    assert json.loads(network.published[-1].payload) == {
        "event": "command_result",
        "id": "r-1",
        "verb": "open",
        "device": "door-1",
        "timestamp": "2026-11-22T10:15:00.123Z",
        "ok": False,
        "code": "no_door",
        "message": "no door is configured",
    }


@pytest.mark.parametrize(
    ("topic", "correlation_data"),
    [
        ("callbox/v1/desk/signal/door-1", None),
        ("callbox/v1/door-1/status", None),
        ("callbox/v1/door-2/command/open", None),
        ("callbox/v1/door-1/events/closed", None),
        ("replies/+", None),
        ("replies/#", None),
        ("$SYS/replies", None),
        ("replies/\x00", None),
        ("r" * 257, None),
        ("", None),
        ("replies/1", b"x" * 1025),
    ],
)
async def test_a_command_cannot_make_the_device_speak_elsewhere(
    signaling: Signaling,
    caller: FakeBroker,
    network: FakeNetwork,
    topic: str,
    correlation_data: bytes | None,
) -> None:
    await caller.publish(
        "callbox/v1/door-1/command/open",
        b"",
        response_topic=topic,
        correlation_data=correlation_data,
    )
    await (await command(signaling)).reply(CommandResult.success(timestamp="not the event's own"))
    assert network.published[-1].topic == "callbox/v1/door-1/events/command_result"
    assert json.loads(network.published[-1].payload)["timestamp"] == "2026-11-22T10:15:00.123Z"


@pytest.mark.parametrize(
    ("verb", "payload", "code", "request_id"),
    [
        ("reboot", b'{"id":"r-2"}', "unknown_verb", "r-2"),
        ("policy", b'{"id":"r-3"}', "invalid", "r-3"),
        ("open", b"now", "not_json", None),
        ("open", b'{"id":7}', "invalid", None),
        ("open", b"[]", "not_an_object", None),
    ],
)
async def test_a_command_that_cannot_be_used_can_still_be_answered(
    signaling: Signaling,
    caller: FakeBroker,
    verb: str,
    payload: bytes,
    code: str,
    request_id: str | None,
) -> None:
    await caller.publish(f"callbox/v1/door-1/command/{verb}", payload)
    request = await command(signaling)
    assert isinstance(request.command, MalformedMessage)
    assert (request.verb, request.command.code, request.id) == (verb, code, request_id)


async def test_signals_and_commands_are_subscribed_to(network: FakeNetwork) -> None:
    device = FakeBroker(network, "door-1")
    Signaling(device, uid="door-1", prefix=PREFIX, party="p-1")
    caller = FakeBroker(network, "desk")
    quiet = Signaling(caller, uid="desk", prefix=PREFIX, party="p-2", commands=False)
    async with device, caller:
        await caller.wait_connected(30)
        assert network.subscriptions_of("door-1") == {
            "callbox/v1/door-1/signal/+": 1,
            "callbox/v1/door-1/command/+": 1,
        }
        assert network.subscriptions_of("desk") == {"callbox/v1/desk/signal/+": 1}
        assert not quiet.takes_commands
        with pytest.raises(SignalingError):
            await quiet.receive_command()
