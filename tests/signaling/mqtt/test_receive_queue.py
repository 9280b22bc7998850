"""What has arrived and waits to be read."""

from __future__ import annotations

import pytest

from agent.signaling.broker import Incoming
from agent.signaling.mqtt.receive_queue import MAX_BYTES, MAX_MESSAGES, MAX_QOS_0, Inbox


def incoming(payload: bytes = b"", qos: int = 1) -> tuple[Incoming, list[None]]:
    acks: list[None] = []
    return Incoming("x/1", payload, qos, on_ack=lambda: acks.append(None)), acks


def test_first_in_first_out() -> None:
    inbox = Inbox()
    first, second = incoming(b"1")[0], incoming(b"2")[0]
    assert inbox.put(first)
    assert inbox.put(second)
    assert [inbox.take(), inbox.take(), inbox.take()] == [first, second, None]


def test_what_may_get_lost_leaves_room_for_what_may_not(caplog: pytest.LogCaptureFixture) -> None:
    inbox = Inbox()
    taken = [inbox.put(incoming(qos=0)[0]) for _ in range(MAX_QOS_0 + 5)]
    assert taken == [True] * MAX_QOS_0 + [False] * 5
    assert inbox.put(incoming(qos=1)[0])
    assert len(caplog.messages) == 1


def test_what_is_dropped_is_acknowledged_and_nothing_else_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    inbox = Inbox()
    waiting = [incoming() for _ in range(MAX_MESSAGES)]
    assert all(inbox.put(message) for message, _ in waiting)
    late, acks = incoming()
    assert not inbox.put(late)
    assert acks == [None]
    assert not any(acks for _, acks in waiting)
    assert inbox.take() is waiting[0][0]
    assert inbox.put(incoming()[0])
    assert not inbox.put(incoming()[0])
    # once for each time that it fills
    assert len(caplog.messages) == 2


def test_bytes_are_counted_too() -> None:
    inbox = Inbox()
    half = b"x" * (MAX_BYTES // 2)
    assert inbox.put(incoming(half)[0])
    assert inbox.put(incoming(half)[0])
    assert not inbox.put(incoming(b"x")[0])
    inbox.take()
    assert inbox.put(incoming(half)[0])
