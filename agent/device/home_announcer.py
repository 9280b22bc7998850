"""The device in Home Assistant: announced at each connect, and whenever Home Assistant says that it
listens; taken from it when that is switched off.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from agent.background import BackgroundTask
from agent.core.policy.rules import Policy
from agent.device.reloading import Reloader
from agent.device.retained import Retained
from agent.device.state_file import StateFile
from agent.errors import SignalingError
from agent.homeassistant.announced_device import AnnouncedDevice
from agent.homeassistant.discovery_message import discovery_message
from agent.homeassistant.features import birth_topic
from agent.service.board import board_model
from agent.settings import Settings
from agent.settings.home_features import home_features
from agent.signaling.broker import Broker, MessageStream, StreamBounds

logger = logging.getLogger(__name__)

FILE_NAME = "homeassistant.json"
# seconds, at random: many devices do not answer a birth at one moment
PAUSE = (0.5, 3.0)
# seconds after an announcement: by then Home Assistant, also a slow one, has subscribed to what is
# not retained
HEARD_AFTER = (2.0, 10.0)
_BORN = b"online"
_BOUNDS = StreamBounds(messages=8, qos_0=8, size=64 * 1024)

Wait = Callable[[float], Awaitable[None]]


class HomeAnnouncer:
    """An async context. `running` are the settings that the device was started with; `messages` is
    what it can say now, `ends` what has a volume; `health_due` is called for a Home Assistant that
    has missed the last one.
    """

    def __init__(
        self,
        running: Settings,
        broker: Broker,
        retained: Retained,
        reloader: Reloader,
        messages: Callable[[], tuple[str, ...]],
        ends: Callable[[], Collection[str]],
        health_due: Callable[[], None],
        wait: Wait = asyncio.sleep,
        heard_after: Sequence[float] = HEARD_AFTER,
    ) -> None:
        self._running = running
        self._broker = broker
        self._retained = retained
        self._reloader = reloader
        self._messages = messages
        self._ends = ends
        self._health_due = health_due
        self._wait = wait
        self._heard_after = heard_after
        self._timers: list[asyncio.TimerHandle] = []
        self._file = StateFile(running.state_directory / FILE_NAME)
        self._announced = AnnouncedDevice()
        self._kept: bytes | None = None
        self._births: tuple[str, MessageStream, BackgroundTask] | None = None
        # those that listened elsewhere before, until they are over
        self._ended: list[BackgroundTask] = []
        self._due = asyncio.Event()
        self._task = BackgroundTask("callbox-home-announcer")
        self._registered = ExitStack()

    async def __aenter__(self) -> Self:
        self._announced = await asyncio.to_thread(self._read)
        self._registered.callback(self._reloader.on_reload(self._apply))
        self._registered.callback(self._broker.on_connection(self._on_connection))
        self._apply(self._reloader.latest)
        self._task.start(self._work())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._registered.close()
        self._stop_timers()
        self._hear(None)
        for task in (self._task, *self._ended):
            await task.stop()

    def _apply(self, wanted: Settings, _policy: Policy | None = None) -> None:
        """From now on as these settings say."""
        before, prefix = self._announced.current, wanted.homeassistant.prefix
        message = None
        if wanted.homeassistant.enabled:
            features = home_features(
                self._running,
                wanted,
                model=board_model(),
                messages=self._messages(),
                ends=self._ends(),
            )
            message = discovery_message(features, prefix)
        if before is not None and (message is None or before.topic != message.topic):
            self._retained.forget(before.topic)
        self._announced.announce(message)
        payload = self._announced.payload
        if message is not None and payload is not None:
            self._retained.say(message.topic, payload)
            self._have_health_told()
        self._hear(None if self._announced.idle else birth_topic(prefix))
        self._due.set()

    def _have_health_told(self) -> None:
        self._stop_timers()
        later = asyncio.get_running_loop().call_later
        self._timers = [later(seconds, self._health_due) for seconds in self._heard_after]

    def _stop_timers(self) -> None:
        while self._timers:
            self._timers.pop().cancel()

    def _on_connection(self, connected: bool) -> None:
        if connected:
            self._due.set()

    # -- what is no longer there -------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            await self._keep()
            for topic in self._announced.gone() if self._broker.connected else ():
                try:
                    await self._broker.publish(topic, b"", retain=True)
                except SignalingError as error:
                    logger.warning("%s stays in Home Assistant: %s", topic, error)
                self._announced.told_gone(topic)
                self._due.set()

    # -- births ------------------------------------------------------------------------------------

    def _hear(self, topic: str | None) -> None:
        """Listen there from now on, and nowhere else."""
        if self._births is not None:
            before, stream, task = self._births
            if before == topic:
                return
            self._births = None
            stream.close()
            task.cancel()
            self._ended = [*(each for each in self._ended if each.running), task]
        if topic is not None:
            stream = self._broker.subscribe(topic, bounds=_BOUNDS)
            task = BackgroundTask("callbox-home-births")
            task.start(self._listen(stream))
            self._births = (topic, stream, task)

    async def _listen(self, stream: MessageStream) -> None:
        while True:
            try:
                incoming = await stream.receive()
            except SignalingError:
                # the device ends, or listens elsewhere
                return
            incoming.ack()
            # one that is retained tells of a past that this connection has made up for
            if incoming.payload == _BORN and not incoming.retain:
                await self._wait(random.uniform(*PAUSE))  # noqa: S311 - spreads a fleet, guards nothing
                self._greet()

    def _greet(self) -> None:
        """Home Assistant listens: what it has missed."""
        if not self._broker.connected:
            # it will say so again when the broker is back
            return
        # a card may have been plugged in, or a message added
        self._apply(self._reloader.latest)
        for each in self._announced.born():
            self._broker.publish(each.topic, each.payload, retain=each.retain)
        self._announced.settle()
        if self._announced.idle:
            self._hear(None)

    # -- the disk ----------------------------------------------------------------------------------

    def _read(self) -> AnnouncedDevice:
        try:
            self._kept = self._file.read()
            return AnnouncedDevice(self._kept)
        except (OSError, ValueError) as error:
            logger.warning("%s cannot be used: what was announced stays (%s)", self._file, error)
            return AnnouncedDevice()

    async def _keep(self) -> None:
        """A disk that does not take it costs a removal after the next start, and no more."""
        kept = self._announced.kept()
        if kept == self._kept:
            return
        try:
            await asyncio.to_thread(self._file.write, kept)
            self._kept = kept
        except OSError as error:
            logger.warning("what Home Assistant knows is not kept over a restart: %s", error)
