"""Home Assistant's WebSocket API: commands, subscriptions, and every state as it changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

from tests.waiting import PATIENCE

MAX_MESSAGE = 2**24


class LinkError(Exception):
    """Home Assistant refused a command: its code, and its words."""


class Link:
    """An async context. `states` holds each entity as Home Assistant shows it now, `history` all
    changes so far.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._next_id = self._states_id = self._all_states_id = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._subscriptions: dict[int, asyncio.Queue[Any]] = {}
        self._changed = asyncio.Condition()
        self.states: dict[str, dict[str, Any]] = {}
        self.history: list[dict[str, Any]] = []

    async def __aenter__(self) -> Self:
        async with asyncio.timeout(PATIENCE):
            self._socket = await connect(self._url, max_size=MAX_MESSAGE, proxy=None)
            await self._socket.recv()  # auth_required
            await self._send({"type": "auth", "access_token": self._token})
            answer = json.loads(await self._socket.recv())
        if answer["type"] != "auth_ok":
            raise LinkError(str(answer))
        self._reader = asyncio.create_task(self._read(self._socket))
        self._states_id = self._next_id + 1
        await self.command("subscribe_events", event_type="state_changed")
        self._all_states_id = self._next_id + 1
        await self.command("get_states")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._socket is not None
        assert self._reader is not None
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._socket.close()

    async def command(self, kind: str, **fields: Any) -> Any:
        """The result of one command. Raises LinkError where it is refused."""
        self._next_id += 1
        number = self._next_id
        future = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._send({"id": number, "type": kind, **fields})
        async with asyncio.timeout(PATIENCE):
            return await future

    async def subscribe(self, kind: str, **fields: Any) -> tuple[int, asyncio.Queue[Any]]:
        """The number of a subscription, which `unsubscribe_events` ends, and its events."""
        number = self._next_id + 1
        queue = self._subscriptions[number] = asyncio.Queue()
        await self.command(kind, **fields)
        return number, queue

    async def call(self, domain: str, service: str, **data: Any) -> Any:
        return await self.command("call_service", domain=domain, service=service, service_data=data)

    async def wait(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Until `condition` holds, asked again with each change of a state."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(condition)

    async def state(
        self, entity: str, *states: str, seconds: float = PATIENCE, **attributes: Any
    ) -> dict[str, Any]:
        """The entity once it is there, in one of `states` if given, and with `attributes`."""

        def matches() -> bool:
            found = self.states.get(entity)
            return (
                found is not None
                and (not states or found["state"] in states)
                and attributes.items() <= found["attributes"].items()
            )

        try:
            await self.wait(matches, seconds)
        except TimeoutError:
            raise AssertionError(f"{entity} is {self.states.get(entity)}") from None
        return self.states[entity]

    async def gone(self, *entities: str, seconds: float = PATIENCE) -> None:
        """Until none of them is there any more."""
        try:
            await self.wait(lambda: self.states.keys().isdisjoint(entities), seconds)
        except TimeoutError:
            left = self.states.keys() & {*entities}
            raise AssertionError(f"still there: {sorted(left)}") from None

    async def _send(self, message: dict[str, Any]) -> None:
        assert self._socket is not None
        await self._socket.send(json.dumps(message))

    async def _read(self, socket: ClientConnection) -> None:
        async for text in socket:
            for message in _each(json.loads(text)):
                await self._take(message)
        for each in self._answers.values():
            if not each.done():
                each.set_exception(LinkError("Home Assistant has gone"))

    async def _take(self, message: dict[str, Any]) -> None:
        number = message["id"]
        if message["type"] == "result":
            future = self._answers.pop(number)
            if number == self._all_states_id:
                # here, in its order among the changes
                self.states |= {each["entity_id"]: each for each in message["result"]}
            if message["success"]:
                future.set_result(message["result"])
            else:
                error = message["error"]
                future.set_exception(LinkError(f"{error['code']}: {error['message']}"))
        elif message["type"] == "event" and number == self._states_id:
            await self._keep(message["event"]["data"])
        elif message["type"] == "event" and number in self._subscriptions:
            self._subscriptions[number].put_nowait(message["event"])

    async def _keep(self, change: dict[str, Any]) -> None:
        async with self._changed:
            self.history.append(change)
            if change["new_state"] is None:
                self.states.pop(change["entity_id"], None)
            else:
                self.states[change["entity_id"]] = change["new_state"]
            self._changed.notify_all()


def _each(message: Any) -> list[dict[str, Any]]:
    return message if isinstance(message, list) else [message]
