"""Whether the device is there, and busy (PROTOCOL 6): said by itself, and by the broker when it is
gone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from agent import __version__
from agent.client.call_client import CallClient
from agent.core.call.delivery import Delivery
from agent.device.device_state import DeviceState
from agent.device.retained import Retained
from agent.signaling.broker import Broker, Will
from agent.signaling.protocol import messages as wire
from agent.signaling.protocol.topics import Topics

# seconds: a blip of the network is no absence
WILL_DELAY = 5
# seconds after the last moment at which a will can come; after a connect
CONFIRM_MARGIN = 2.0
CONFIRM_AFTER = WILL_DELAY + CONFIRM_MARGIN


def offline(uid: str, topics: Topics, boot_id: str, delay: int = WILL_DELAY) -> Will:
    """What the broker says when we are gone without a goodbye, for `delay` seconds."""
    status = wire.Status(state="offline", version=__version__, boot_id=boot_id)
    return Will(topics.status(uid), wire.encode(status), delay=delay)


class StatusPublisher:
    """Keeps a device's retained status true. `boot_id` names this run of it, in the will as well.

    Beside what holds for all that is retained it is said once more when the will of an earlier
    connection, or of an earlier run, can no longer come: a broker should not publish that after our
    return, yet one of several that work together may. `now` is the time of day in Unix seconds,
    `monotonic` a clock that is never set.
    """

    def __init__(
        self,
        broker: Broker,
        retained: Retained,
        topics: Topics,
        uid: str,
        boot_id: str,
        now: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
        confirm_after: float = CONFIRM_AFTER,
    ) -> None:
        self._retained = retained
        self._topic = topics.status(uid)
        self._now = now
        self._monotonic = monotonic
        self._confirm_after = confirm_after
        self._changed_at = monotonic()
        self._status = wire.Status(
            state="online",
            since=wire.format_time(now()),
            version=__version__,
            boot_id=boot_id,
            privacy=False,
        )
        self._confirmation: asyncio.TimerHandle | None = None
        self._publish()
        broker.on_connection(self._on_connection)

    def follow(self, client: CallClient, state: DeviceState) -> None:
        """Say what changes of these."""
        client.on(
            "conversations", lambda: self.occupied(len(client.conversations), busy=client.busy)
        )
        state.on_change(lambda: self.stands(camera=state.camera_word, privacy=state.privacy))

    def occupied(self, conversations: int, *, busy: bool) -> None:
        """Tell how many conversations there are, if that has changed."""
        if (self._status.conversations, self._status.busy) != (conversations, busy):
            self._say(conversations=conversations, busy=busy)

    def stands(self, *, camera: str | None, privacy: bool) -> None:
        """Tell whether there is a camera, `ok` or `missing`, None while nobody has looked, and
        whether privacy is on, if that has changed.
        """
        if (self._status.camera, self._status.privacy) != (camera, privacy):
            self._say(camera=camera, privacy=privacy)

    def goodbye(self) -> asyncio.Future[Delivery]:
        """A clean stop: the will stays unsaid, so we say it."""
        self._cancel_confirmation()
        return self._say(state="offline", conversations=0, busy=False)

    def clock_set(self) -> None:
        """The clock has been set since the last change of the status: say when that really was."""
        since = self._now() - (self._monotonic() - self._changed_at)
        self._status = self._status.model_copy(update={"since": wire.format_time(since)})
        self._publish()

    def _on_connection(self, connected: bool) -> None:
        self._cancel_confirmation()
        if connected and self._status.state == "online":
            self._confirmation = asyncio.get_running_loop().call_later(
                self._confirm_after, self._retained.repeat, self._topic
            )

    def _cancel_confirmation(self) -> None:
        if self._confirmation is not None:
            self._confirmation.cancel()
            self._confirmation = None

    def _say(self, **changes: Any) -> asyncio.Future[Delivery]:
        self._changed_at = self._monotonic()
        changes["since"] = wire.format_time(self._now())
        self._status = self._status.model_copy(update=changes)
        return self._publish()

    def _publish(self) -> asyncio.Future[Delivery]:
        return self._retained.say(self._topic, wire.encode(self._status))
