"""The picture of whoever rings: retained on the topic `snapshot` for a day, and a small one in the
invitation (PROTOCOL 1, 5).
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self

from agent.client.tasks import Tasks
from agent.device.doorbell_ports import ComingPicture
from agent.errors import MediaError, MediaUnavailable
from agent.media.jpeg import Jpeg
from agent.signaling.broker import Broker
from agent.signaling.protocol import messages as wire

logger = logging.getLogger(__name__)

# bytes (PROTOCOL 1)
MAX_RETAINED = 64 * 1024
# seconds that a broker keeps it
KEPT = 24 * 3600
# bytes of JSON around a picture and the names of the targets in `userData`
_AROUND = 96
# a smaller picture shows nothing
_SMALLEST = 1000
# seconds that an invitation waits for a picture: a camera that runs has one by then
PATIENCE = 0.03
# seconds for pictures under way at the end
FINISH_TIMEOUT = 1.0


class Picture(Protocol):
    """What a camera shows; see `agent.media.jpeg.Still`."""

    def jpeg(self, max_bytes: int) -> Jpeg:
        """Blocks. Raises MediaUnavailable."""


TakePicture = Callable[[], Awaitable[Picture]]


def room_for_picture(targets: Sequence[str]) -> int:
    """The bytes of a JPEG that fit into the `userData` of an invitation to `targets`."""
    left = wire.MAX_USER_DATA - _AROUND - len(json.dumps(list(targets)))
    return max(0, left * 3 // 4)


class VisitorPicture:
    """An async context. `take` raises MediaError where there is no picture; `runs` says whether the
    camera is open, and a picture may come soon enough for an invitation.

    What could not be published stays the latest, and is said again at each connect while a broker
    may keep it.
    """

    def __init__(
        self,
        take: TakePicture,
        broker: Broker,
        topic: str,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        runs: Callable[[], bool] = lambda: True,
    ) -> None:
        self._take = take
        self._runs = runs
        self._broker = broker
        self._topic = topic
        self._monotonic = monotonic
        self._tasks = Tasks("visitor pictures")
        # and when it was taken
        self._latest: tuple[bytes, float] | None = None
        self._observers: list[Callable[[str, bytes], None]] = []
        broker.on_connection(self._on_connection)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.finish(FINISH_TIMEOUT)

    def on_picture(self, observer: Callable[[str, bytes], None]) -> None:
        """Call `observer` with the eventId of a ring and its JPEG."""
        self._observers.append(observer)

    def begin(self, ring: wire.RingEvent) -> ComingPicture:
        """Take it now: first the small one for the invitation, then the one that is retained."""
        small: asyncio.Future[Mapping[str, object]] = asyncio.get_running_loop().create_future()
        patience = PATIENCE if self._runs() else 0.0
        self._tasks.spawn(self._make(ring, small))
        return ComingPicture(small, patience)

    async def _make(
        self, ring: wire.RingEvent, small: asyncio.Future[Mapping[str, object]]
    ) -> None:
        found: Mapping[str, object] = {}
        try:
            picture = await self._take()
            found = await _for_invitation(picture, room_for_picture(ring.targets))
        except MediaError as error:
            logger.warning("the visitor has no picture: %s", error)
            return
        finally:
            # nobody waits for what does not come
            if not small.done():
                small.set_result(found)
        try:
            retained = await asyncio.to_thread(picture.jpeg, MAX_RETAINED)
        except MediaError as error:
            logger.warning("the visitor's picture is not kept: %s", error)
            return
        self._latest = (retained.data, self._monotonic())
        self._publish()
        for observer in self._observers:
            observer(ring.event_id, retained.data)

    def _publish(self) -> None:
        if self._latest is None or not self._broker.connected:
            return
        data, taken = self._latest
        left = math.floor(KEPT - (self._monotonic() - taken))
        if left > 0:
            self._broker.publish(self._topic, data, retain=True, expiry=left)

    def _on_connection(self, connected: bool) -> None:
        if connected:
            self._publish()


async def _for_invitation(picture: Picture, room: int) -> Mapping[str, object]:
    """What of it goes into `userData`; nothing where it does not fit."""
    if room < _SMALLEST:
        return {}
    try:
        small = await asyncio.to_thread(picture.jpeg, room)
    except MediaUnavailable:
        return {}
    data = base64.b64encode(small.data).decode()
    return {"snapshot": {"type": "image/jpeg", "data": data}}
