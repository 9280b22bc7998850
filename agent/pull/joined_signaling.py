"""Two ways to signal as one: the client sees the port alone, and each conversation stays with the
way by which it came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from agent.core.call.delivery import Delivery
from agent.core.call.events import SignalEffect
from agent.ports import Signal, Signaling
from agent.pull.pull_channel import PullChannel


class JoinedSignaling:
    """`main`, and beside it the conversations of those who pull; see `agent.ports.Signaling`."""

    def __init__(self, main: Signaling, pull: PullChannel) -> None:
        self._main = main
        self._pull = pull
        # the next signal of each, while it is awaited
        self._awaited: list[asyncio.Task[Signal]] = []

    @property
    def uid(self) -> str:
        return self._main.uid

    @property
    def party(self) -> str:
        return self._main.party

    @property
    def connected(self) -> bool:
        return self._main.connected

    def check_invitation(self, to: Sequence[str], lifetime: float, user_data: Any) -> None:
        self._main.check_invitation(to, lifetime, user_data)

    def send(
        self, effect: SignalEffect, *, to: str, conversation: str, clock_offset: float = 0.0
    ) -> asyncio.Future[Delivery]:
        if not self._pull.carries(conversation):
            return self._main.send(
                effect, to=to, conversation=conversation, clock_offset=clock_offset
            )
        self._pull.send(effect, conversation)
        done: asyncio.Future[Delivery] = asyncio.get_running_loop().create_future()
        done.set_result(Delivery.TAKEN)
        return done

    async def receive(self) -> Signal:
        """The next signal, whichever way it comes. Read by one at a time."""
        if not self._awaited:
            self._awaited = [self._next_of_main(), self._next_of_pull()]
        try:
            await asyncio.wait(self._awaited, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            # the reader has ended: what was not handed out is not acknowledged
            awaited, self._awaited = self._awaited, []
            for each in awaited:
                each.cancel()
            await asyncio.gather(*awaited, return_exceptions=True)
            raise
        at = next(at for at, each in enumerate(self._awaited) if each.done())
        done = self._awaited[at]
        self._awaited[at] = self._next_of_pull() if at else self._next_of_main()
        return done.result()

    def encode_control(
        self, effect: SignalEffect, *, conversation: str, clock_offset: float = 0.0
    ) -> str:
        return self._main.encode_control(
            effect, conversation=conversation, clock_offset=clock_offset
        )

    def decode_control(self, sender: str, text: str) -> Signal | None:
        return self._main.decode_control(sender, text)

    def _next_of_main(self) -> asyncio.Task[Signal]:
        return asyncio.create_task(self._main.receive(), name="callbox-signal")

    def _next_of_pull(self) -> asyncio.Task[Signal]:
        return asyncio.create_task(self._pull.receive(), name="callbox-pull-signal")
