"""A signaling that keeps what is said, and hears what it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from agent.core.call import events as ev
from agent.core.call.delivery import Delivery
from agent.ports import Signal


class Said(NamedTuple):
    effect: ev.SignalEffect
    to: str
    conversation: str
    clock_offset: float


class FakeSignaling:
    """See `agent.ports.Signaling`. A control text is the name of its effect's class; what may come
    over the data channel stands in `controls`.
    """

    def __init__(self, uid: str = "own") -> None:
        self.uid = uid
        self.party = f"party-{uid}"
        self.connected = True
        self.said: list[Said] = []
        self.controls: dict[str, Signal] = {}
        self._heard: asyncio.Queue[Signal] = asyncio.Queue()

    def check_invitation(self, to: Sequence[str], lifetime: float, user_data: Any) -> None:
        """Everything can be said."""

    def send(
        self, effect: ev.SignalEffect, *, to: str, conversation: str, clock_offset: float = 0.0
    ) -> asyncio.Future[Delivery]:
        self.said.append(Said(effect, to, conversation, clock_offset))
        delivered: asyncio.Future[Delivery] = asyncio.get_running_loop().create_future()
        delivered.set_result(Delivery.TAKEN)
        return delivered

    async def receive(self) -> Signal:
        return await self._heard.get()

    def hear(self, signal: Signal) -> None:
        self._heard.put_nowait(signal)

    def encode_control(
        self, effect: ev.SignalEffect, *, conversation: str, clock_offset: float = 0.0
    ) -> str:
        return type(effect).__name__

    def decode_control(self, sender: str, text: str) -> Signal | None:
        return self.controls.get(text)

    @property
    def effects(self) -> list[ev.SignalEffect]:
        return [each.effect for each in self.said]
