"""Which topic a broker ends the connection for."""

from __future__ import annotations

import asyncio
import math

import pytest

from agent.signaling.mqtt.publish_queue import Outgoing
from agent.signaling.mqtt.suspects import (
    DIRECTLY,
    DIRECTLY_ALONE,
    DIRECTLY_QOS_0,
    FIRST_RETRY,
    MAX_LOSSES,
    MAX_LOSSES_KNOWN,
    MAX_LOSSES_RIVAL,
    MEMORY,
    RETRY,
    SET_ASIDE,
    PublishSuspects,
)


async def handed(topic: str, at: float) -> Outgoing:
    future = asyncio.get_running_loop().create_future()
    return Outgoing(topic, b"", 1, False, future, handed_at=at)


async def cut(suspects: PublishSuspects, topic: str, now: float) -> str | None:
    """A connection at `now`, a message, and its end behind that."""
    suspects.connected(now)
    return suspects.lost([await handed(topic, now + 1)], now + 1.5).topic


async def test_suspects_set_aside_what_was_lost_behind_again_and_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    suspects = PublishSuspects()
    assert [await cut(suspects, "x", 10.0 * number) for number in range(3)] == [None, None, "x"]
    assert suspects.topics == {"x": SET_ASIDE}
    assert suspects.refuses("x", 30.0)
    assert not suspects.refuses("y", 30.0)
    assert "messages to x are set aside" in caplog.text


async def test_suspects_acknowledged_in_between_is_in_order() -> None:
    suspects = PublishSuspects()
    for number in range(MAX_LOSSES * 2):
        assert await cut(suspects, "x", 10.0 * number) is None
        suspects.acknowledged("x")
    assert suspects.topics == {}


async def test_suspects_message_that_goes_again_counts_from_the_new_connection() -> None:
    suspects, message = PublishSuspects(), await handed("x", 1.0)
    found = []
    for number in range(MAX_LOSSES):
        suspects.connected(100.0 * number)
        found.append(suspects.lost([message], 100.0 * number + 1).topic)
    assert found == [None, None, "x"]


@pytest.mark.parametrize(("after", "narrow"), [(DIRECTLY, True), (DIRECTLY + 0.1, False)])
async def test_suspects_loss_long_after_a_message_means_nothing(after: float, narrow: bool) -> None:
    suspects = PublishSuspects()
    suspects.connected(0.0)
    suspects.lost([await handed("x", 10.0)], 10.0 + after)
    assert suspects.one_at_a_time is narrow


async def test_suspects_send_one_at_a_time_until_all_is_through() -> None:
    suspects = PublishSuspects()
    suspects.connected(0.0)
    assert suspects.lost([await handed("x", 1.0)], 1.0) == (False, None)
    assert suspects.one_at_a_time
    # paho has sent everything once more; from now on it is sent one by one
    assert suspects.lost([await handed("x", 1.0)], 1.0) == (True, None)
    suspects.drained()
    assert not suspects.one_at_a_time


@pytest.mark.parametrize("after", [DIRECTLY_ALONE, DIRECTLY_ALONE + 0.1])
async def test_suspects_of_one_that_went_alone_a_loss_may_come_later(after: float) -> None:
    suspects = PublishSuspects()
    await cut(suspects, "x", 0.0)
    suspects.connected(10.0)
    assert suspects.lost([await handed("x", 11.0)], 11.0 + after).alone is (after <= DIRECTLY_ALONE)


async def test_suspects_count_what_goes_together_and_judge_what_goes_alone() -> None:
    suspects = PublishSuspects()
    for number in range(MAX_LOSSES + 1):
        suspects.connected(10.0 * number)
        together = [await handed(topic, 10.0 * number) for topic in ("x", "y")]
        assert suspects.lost(together, 10.0 * number + 1).topic is None
    suspects.acknowledged("x")
    assert await cut(suspects, "y", 100.0) == "y"
    # behind a second look it is known which one it was
    suspects.connected(200.0)
    together = [await handed(topic, 200.0) for topic in ("x", "y")]
    assert suspects.lost(together, 200.5) == (True, "y")


async def test_suspects_topic_is_tried_again_soon_and_then_once_in_a_while() -> None:
    suspects = PublishSuspects()
    for number in range(MAX_LOSSES):
        await cut(suspects, "x", 10.0 * number)
    at = 21.5
    for pause in (FIRST_RETRY, RETRY, RETRY):
        # not for its own sake once it is sure
        assert suspects.due("x") == (at + pause if pause == FIRST_RETRY else math.inf)
        assert suspects.refuses("x", at + pause - 0.1)
        assert not suspects.refuses("x", at + pause)
        # one loss more is enough
        assert await cut(suspects, "x", at + pause) == "x"
        at += pause + 1.5
    suspects.acknowledged("x")
    assert suspects.topics == {}
    assert not suspects.refuses("x", at)


async def test_suspects_losses_behind_nothing_speak_for_a_topic(
    caplog: pytest.LogCaptureFixture,
) -> None:
    suspects = PublishSuspects()
    for number in range(2 * MAX_LOSSES):
        assert await cut(suspects, "x", 20.0 * number) is None
        suspects.connected(20.0 * number + 10)
        suspects.lost([], 20.0 * number + 11)
    for number in range(MAX_LOSSES):
        await cut(suspects, "x", 1000.0 + 10 * number)
    assert [*suspects.topics] == ["x"]
    suspects.connected(1030.0)
    suspects.lost([], 1031.0)
    assert suspects.topics == {}
    assert "messages to x are sent again" in caplog.text


async def test_suspects_sure_of_a_topic_are_not_shaken_by_other_losses() -> None:
    suspects = PublishSuspects()
    for at in (0.0, 10.0, 20.0, 21.5 + FIRST_RETRY):
        await cut(suspects, "x", at)
    suspects.connected(200.0)
    suspects.lost([], 201.0)
    assert [*suspects.topics] == ["x"]


async def test_suspects_know_a_broker_that_cuts_until_all_is_taken() -> None:
    suspects = PublishSuspects()
    for number in range(MAX_LOSSES):
        await cut(suspects, "x", 10.0 * number)
    found = [await cut(suspects, "y", 100.0 + number) for number in range(MAX_LOSSES_KNOWN)]
    assert found == [None, "y"]
    for topic in ("x", "y"):
        suspects.acknowledged(topic)
    found = [await cut(suspects, "z", 200.0 + number) for number in range(MAX_LOSSES)]
    assert found == [None, None, "z"]


async def test_suspects_blame_no_message_for_a_rival() -> None:
    suspects = PublishSuspects()
    for number in range(MAX_LOSSES):
        await cut(suspects, "x", 10.0 * number)
    suspects.rival_stands(True)
    assert suspects.topics == {}
    found = [await cut(suspects, "x", 100.0 + number) for number in range(MAX_LOSSES_RIVAL)]
    assert found == [None] * (MAX_LOSSES_RIVAL - 1) + ["x"]
    # nor does one loss make it sure
    later = 200.0 + FIRST_RETRY
    assert await cut(suspects, "x", later) is None
    suspects.rival_stands(False)
    assert await cut(suspects, "x", later + 1) == "x"


def test_suspects_message_of_qos_0_that_the_connection_outlived_is_in_order() -> None:
    suspects = PublishSuspects()
    for number in range(4 * MAX_LOSSES):
        suspects.connected(100.0 * number)
        suspects.sent_qos_0("x", 100.0 * number + 1)
        # each other time the network is cut just behind it
        pause = 0.1 if number % 2 else DIRECTLY + 0.1
        assert suspects.lost([], 100.0 * number + 1 + pause).topic is None
    assert suspects.topics == {}


def test_suspects_last_message_of_qos_0_where_none_waits_to_be_acknowledged() -> None:
    suspects = PublishSuspects()
    found = []
    for number in range(MAX_LOSSES):
        suspects.connected(10.0 * number)
        suspects.sent_qos_0("x", 10.0 * number + 1)
        found.append(suspects.lost([], 10.0 * number + 1.1).topic)
    assert found == [None, None, "x"]


def test_suspects_message_of_qos_0_is_often_the_last_by_chance() -> None:
    suspects = PublishSuspects()
    for number in range(MAX_LOSSES * 2):
        suspects.connected(10.0 * number)
        suspects.sent_qos_0("x", 10.0 * number + 1)
        assert suspects.lost([], 10.0 * number + 1.1 + DIRECTLY_QOS_0).topic is None


def test_suspects_message_of_qos_0_that_cost_nothing_is_in_order() -> None:
    suspects = PublishSuspects()
    for number in range(MAX_LOSSES * 2):
        suspects.connected(100.0 * number)
        suspects.sent_qos_0("x", 100.0 * number + 1)
        suspects.sent_qos_0("x", 100.0 * number + 10)
        assert suspects.lost([], 100.0 * number + 11).topic is None


def test_suspects_loss_behind_nothing_means_nothing() -> None:
    suspects = PublishSuspects()
    suspects.connected(0.0)
    assert suspects.lost([], 1.0) == (False, None)
    assert not suspects.one_at_a_time


async def test_suspects_memory_is_bounded() -> None:
    suspects = PublishSuspects()
    for number in range(2 * MEMORY):
        for again in range(MAX_LOSSES):
            await cut(suspects, f"x/{number}", 100.0 * number + 10 * again)
    assert len(suspects.topics) == MEMORY
    assert [*suspects.topics][-1] == f"x/{2 * MEMORY - 1}"


def test_suspects_refused_in_good_order_are_told_until_one_is_taken() -> None:
    suspects = PublishSuspects()
    for number in range(2 * MEMORY):
        suspects.acknowledged(f"x/{number}", "Not authorized")
    last = f"x/{2 * MEMORY - 1}"
    assert len(suspects.topics) == MEMORY
    assert suspects.topics[last] == "the broker refuses it: Not authorized"
    assert not suspects.refuses(last, 0.0)
    suspects.acknowledged(last)
    assert last not in suspects.topics
