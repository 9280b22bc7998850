"""What the link expects of the broker, without a broker."""

from __future__ import annotations

import asyncio
import logging
import math
from types import SimpleNamespace
from typing import Any

import pytest

from agent.errors import SignalingError
from agent.signaling.mqtt.disconnect import DisconnectReason
from agent.signaling.mqtt.link import Link
from agent.signaling.mqtt.link_listener import LinkListener
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.mqtt.puback import PubAck
from agent.signaling.mqtt.publish_queue import Outgoing
from agent.signaling.mqtt.subscriptions import SubscribeResult
from agent.signaling.mqtt.terms import Terms
from agent.signaling.router import Router


class Deaf(LinkListener):
    def link_up(self, terms: Terms) -> None: ...
    def link_down(self, loss: DisconnectReason) -> None: ...
    def link_published(self, mid: int, said: PubAck) -> None: ...
    def link_subscribed(self, answers: list[SubscribeResult]) -> None: ...
    def link_stopped(self) -> None: ...


@pytest.fixture
def link() -> Link:
    return Link(MqttOptions(), None, Router(), Deaf(), lambda *_: None)


async def outgoing() -> Outgoing:
    return Outgoing("a/b", b"x", 1, False, asyncio.get_running_loop().create_future())


async def test_link_answer_may_come_before_the_message_is_handed_over(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network thread sends and hears on its own: a broker on the same machine answers within
    microseconds.
    """

    def publish(*_: Any) -> Any:
        link.on_log(logging.DEBUG, "Received PUBACK (Mid: %d)", (1,))
        return SimpleNamespace(rc=0, mid=1)

    monkeypatch.setattr(link._client, "publish", publish)
    assert link.send(await outgoing(), None) == 1
    assert link._answer.due == math.inf, "nothing is owed, and the broker is not silent"


async def test_link_no_answer_is_owed_to_what_never_left(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    def publish(*_: Any) -> Any:
        raise ValueError("no such topic")

    monkeypatch.setattr(link._client, "publish", publish)
    with pytest.raises(SignalingError):
        link.send(await outgoing(), None)
    assert link._answer.due == math.inf
