"""An operator's commands over a broker, and the results that go back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from agent.errors import MalformedMessage
from agent.signaling.command_channel import DRAIN_TIMEOUT, CommandChannel, CommandRequest
from agent.signaling.protocol.messages import CommandResult, OpenCommand
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork, Message
from tests.fakes.reader import reading, stream_of
from tests.waiting import PATIENCE

PREFIX = "callbox/v1"
MARK = b"this connection"
STATUS = f"{PREFIX}/door-1/status"
REPLIES = f"{PREFIX}/door-1/reply/"


@pytest.fixture
def network() -> FakeNetwork:
    return FakeNetwork()


@pytest.fixture
async def commands(network: FakeNetwork) -> AsyncIterator[CommandChannel]:
    broker = FakeBroker(network, "door-1")
    channel = CommandChannel(
        broker,
        uid="door-1",
        prefix=PREFIX,
        mark=lambda: MARK,
        now=lambda: 1795342500.123,
        monotonic=lambda: network.now,
    )
    async with broker:
        await broker.wait_connected(30)
        yield channel


@pytest.fixture
async def caller(network: FakeNetwork) -> AsyncIterator[FakeBroker]:
    broker = FakeBroker(network, "desk")
    async with reading(broker, "callbox/v1/desk/signal/+", REPLIES + "#"):
        await broker.wait_connected(30)
        yield broker


async def command(commands: CommandChannel) -> CommandRequest:
    async with asyncio.timeout(PATIENCE):
        return await commands.receive()


async def test_commands_are_subscribed_to(network: FakeNetwork, commands: CommandChannel) -> None:
    assert network.subscriptions_of("door-1") == {
        "callbox/v1/door-1/command/+": 1,
        STATUS: 1,
    }


async def test_command_that_is_retained_is_passed_over(
    commands: CommandChannel, caller: FakeBroker
) -> None:
    await caller.publish("callbox/v1/door-1/command/open", b'{"id":"old"}', retain=True)
    await caller.publish("callbox/v1/door-1/command/open", b'{"id":"new"}')
    assert (await command(commands)).id == "new"


async def test_command_result_goes_to_the_response_topic(
    commands: CommandChannel, caller: FakeBroker
) -> None:
    await caller.publish(
        "callbox/v1/door-1/command/open",
        b'{"id":"r-1"}',
        response_topic=REPLIES + "1",
        correlation_data=b"\x01",
    )
    request = await command(commands)
    assert (request.verb, request.command, request.id) == ("open", OpenCommand(id="r-1"), "r-1")
    await request.reply(CommandResult.success(opened_for=3))
    answer = await stream_of(caller).receive()
    assert (answer.topic, answer.correlation_data) == (REPLIES + "1", b"\x01")
    assert json.loads(answer.payload) == {"ok": True, "openedFor": 3, "id": "r-1"}


async def test_command_result_without_a_response_topic_is_an_event(
    commands: CommandChannel, caller: FakeBroker, network: FakeNetwork
) -> None:
    await caller.publish("callbox/v1/door-1/command/open", b'{"id":"r-1"}')
    await (await command(commands)).reply(CommandResult.failure("no_door", "no door is configured"))
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
        ("callbox/v1/door-2/reply/1", None),
        ("callbox/v1/door-1/reply", None),
        (REPLIES, None),
        (REPLIES + "+", None),
        (REPLIES + "#", None),
        (REPLIES + "\x00", None),
        (REPLIES + "r" * 257, None),
        ("elsewhere", None),
        ("$SYS/replies", None),
        ("", None),
        (REPLIES + "1", b"x" * 1025),
    ],
)
async def test_command_cannot_make_the_device_speak_elsewhere(
    commands: CommandChannel,
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
    await (await command(commands)).reply(CommandResult.success(timestamp="not the event's own"))
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
async def test_command_that_cannot_be_used_can_still_be_answered(
    commands: CommandChannel,
    caller: FakeBroker,
    verb: str,
    payload: bytes,
    code: str,
    request_id: str | None,
) -> None:
    await caller.publish(f"callbox/v1/door-1/command/{verb}", payload)
    request = await command(commands)
    assert isinstance(request.command, MalformedMessage)
    assert (request.verb, request.command.code, request.id) == (verb, code, request_id)


async def test_command_before_our_own_status_has_waited(
    commands: CommandChannel, caller: FakeBroker, network: FakeNetwork
) -> None:
    await caller.publish("callbox/v1/door-1/command/reload", b'{"id":"waited"}')
    network.publish(Message(STATUS, b"{}", correlation_data=b"another connection"))
    await caller.publish("callbox/v1/door-1/command/reload", b'{"id":"waited, too"}')
    network.publish(Message(STATUS, b"{}", correlation_data=MARK))
    await caller.publish("callbox/v1/door-1/command/reload", b'{"id":"new"}')
    requests = [await command(commands) for _ in range(3)]
    assert [each.waited for each in requests] == [True, True, False]


async def test_command_where_our_own_status_cannot_be_read_waits_out_a_time(
    commands: CommandChannel, caller: FakeBroker, network: FakeNetwork
) -> None:
    await caller.publish("callbox/v1/door-1/command/reload", b"")
    assert (await command(commands)).waited
    network.advance(DRAIN_TIMEOUT)
    await caller.publish("callbox/v1/door-1/command/reload", b"")
    assert not (await command(commands)).waited


async def test_command_after_a_reconnect_has_waited_again(
    commands: CommandChannel, caller: FakeBroker, network: FakeNetwork
) -> None:
    network.publish(Message(STATUS, b"{}", correlation_data=MARK))
    await caller.publish("callbox/v1/door-1/command/reload", b"")
    assert not (await command(commands)).waited
    network.stop(forget=False)
    network.start()
    await caller.publish("callbox/v1/door-1/command/reload", b"")
    assert (await command(commands)).waited


async def test_command_beyond_the_rate_is_answered_without_being_parsed(
    commands: CommandChannel, caller: FakeBroker
) -> None:
    for number in range(101):
        await caller.publish("callbox/v1/door-1/command/reload", b'{"id":"%d"}' % number)
    requests = [await command(commands) for _ in range(101)]
    assert [each.id for each in requests] == [*map(str, range(100)), None]
    last = requests[-1].command
    assert isinstance(last, MalformedMessage)
    assert last.code == "overloaded"
