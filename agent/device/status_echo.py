"""Our own retained status, as the broker gives it back (PROTOCOL 6): who says `online` there under
our name with another `bootId`, and keeps coming back, is a rival; and where nothing comes back,
nobody hears what we say.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from agent.background import BackgroundTask
from agent.device.device_state import DeviceState
from agent.device.retained import Retained
from agent.errors import SignalingError
from agent.signaling.broker import Broker, StreamBounds

logger = logging.getLogger(__name__)

# So many times somebody says `online` after us: one is what an earlier run had said, and a broker
# that was restored from an old copy gives it once more.
SIGHTINGS = 3
# seconds within which they count, and after the last of which there is no rival any more
WINDOW = 600.0
# seconds until we say once more that we are here, so that another one of our kind speaks up
PAUSE = 5.0
# seconds for our own status to come back on a new connection
PATIENCE = 15.0
UNHEARD = "the broker takes it and gives it to nobody, not even to the device itself"


class StatusEcho:
    """An async context around the reader of the device's own status `topic`. What it finds is in
    the `state`. `is_refused`: the broker has said that it takes, or gives, nothing of it.
    """

    def __init__(
        self,
        broker: Broker,
        retained: Retained,
        topic: str,
        uid: str,
        boot_id: str,
        state: DeviceState,
        *,
        is_refused: Callable[[], bool] = lambda: False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._broker = broker
        self._retained = retained
        self._topic = topic
        self._uid = uid
        self._boot_id = boot_id
        self._state = state
        self._is_refused = is_refused
        self._monotonic = monotonic
        self._stream = broker.subscribe(topic, bounds=StreamBounds(messages=64))
        # it has come back once, in this run; and on this connection
        self._came_back = False
        self._is_heard = False
        # another one was, since the connection began or ours came back: a broker may give it twice
        self._is_sighted = False
        self._sightings: deque[float] = deque(maxlen=SIGHTINGS)
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._reader = BackgroundTask("callbox-status-echo")
        broker.on_connection(self._on_connection)

    async def __aenter__(self) -> Self:
        self._reader.start(self._read())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for timer in self._timers.values():
            timer.cancel()
        await self._reader.stop()

    def taken_over(self) -> None:
        """The broker says that another client has come under our name, and not by accident."""
        self._tell()

    async def _read(self) -> None:
        while True:
            try:
                message = await self._stream.receive()
            except SignalingError:
                return
            message.ack()
            self._judge(message.payload)

    def _judge(self, payload: bytes) -> None:
        state, boot_id = _said(payload)
        if boot_id == self._boot_id:
            self._came_back = self._is_heard = True
            self._is_sighted = False
            self._state.heard(self._topic, None)
        elif state == "online" and self._came_back and not self._is_sighted:
            self._is_sighted = True
            self._sighted()

    def _sighted(self) -> None:
        """Somebody else has said after us that he is here."""
        now = self._monotonic()
        self._sightings.append(now)
        if len(self._sightings) == SIGHTINGS and now - self._sightings[0] <= WINDOW:
            self._tell()
        elif self._state.rival is None:
            self._later("say", PAUSE, self._say_again)

    def _say_again(self) -> None:
        if self._state.rival is None:
            self._retained.repeat(self._topic)

    def _tell(self) -> None:
        if self._state.rival is None:
            text = "another device is on line as %s: give each a uid of its own"
            logger.error(text, self._uid)
        self._state.rival_seen(
            f"another device is on line as {self._uid}: calls reach either; give each a uid of its "
            f"own, and see that no copy of this one runs elsewhere"
        )
        self._later("over", WINDOW, lambda: self._state.rival_seen(None))

    def _on_connection(self, connected: bool) -> None:
        self._is_heard = self._is_sighted = False
        self._cancel("hear")
        if connected:
            self._later("hear", PATIENCE, self._look)

    def _look(self) -> None:
        """It should have come back by now."""
        if self._broker.connected and not self._is_heard and not self._is_refused():
            if self._topic not in self._state.unheard:
                logger.error("nobody hears what is said on %s: %s", self._topic, UNHEARD)
            self._state.heard(self._topic, UNHEARD)

    def _later(self, name: str, seconds: float, work: Callable[[], Any]) -> None:
        """In place of what was to come under that name."""
        self._cancel(name)
        self._timers[name] = asyncio.get_running_loop().call_later(seconds, work)

    def _cancel(self, name: str) -> None:
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()


def _said(payload: bytes) -> tuple[Any, Any]:
    """State and bootId of a status; None for what is none."""
    try:
        status = json.loads(payload)
    except (ValueError, RecursionError):
        return None, None
    return (status.get("state"), status.get("bootId")) if isinstance(status, dict) else (None, None)
