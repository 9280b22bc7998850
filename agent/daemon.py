"""The composition root: a device is a table of parts, started in order and stopped in reverse.

A new capability adds a row here, and a room of its own.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agent import __version__
from agent.core.call.reasons import CloseReason
from agent.device.clock_steps import watching_clock_steps
from agent.device.clock_watch import watching_clock
from agent.device.home_announcer import HomeAnnouncer
from agent.device.page import page_server
from agent.device.parts import Part, Parts, compose, running
from agent.device.refusal_log import logging_refusals
from agent.device.reloading import Load
from agent.service.addresses import AddressWatch
from agent.service.memory import freeze_start, release_memory
from agent.service.private_directory import make_private
from agent.service.single_instance import only_one
from agent.service.sound_card_watch import SoundCardWatch
from agent.service.status_snapshot import Phase
from agent.service.system_zone import local_timezone
from agent.settings import Settings, advise

logger = logging.getLogger(__name__)

# seconds for the broker to acknowledge `offline`
GOODBYE_TIMEOUT = 1.0


@asynccontextmanager
async def _media(parts: Parts) -> AsyncIterator[None]:
    """Sources are opened by the first call; only their end is a matter of order."""
    try:
        yield
    finally:
        await parts.sound.close()
        await parts.video.close()


@asynccontextmanager
async def _calls(parts: Parts) -> AsyncIterator[None]:
    for call in await parts.events.past_calls():
        parts.client.over(call.conversation, call.remote_uid, call.reason)
    async with parts.client:
        yield


def _addresses(parts: Parts) -> AddressWatch:
    def changed() -> None:
        parts.broker.addresses_changed()
        parts.client.network_changed()

    return AddressWatch(changed)


def _sound_cards(parts: Parts) -> SoundCardWatch:
    def changed() -> None:
        parts.about.refresh()
        parts.volume.refresh()

    return SoundCardWatch(changed)


@asynccontextmanager
async def _presence(parts: Parts) -> AsyncIterator[None]:
    """The last to start: the device is callable. The first to stop: it hangs up, and says so."""
    parts.state.enter(Phase.RUNNING)
    try:
        yield
    finally:
        parts.service.stopping()
        await parts.client.close(CloseReason.SHUTDOWN)
        await parts.events.flush(GOODBYE_TIMEOUT)
        await asyncio.wait([parts.status.goodbye()], timeout=GOODBYE_TIMEOUT)


PARTS = (
    # the first to start and the last to stop: a run that does not come to its end has crashed
    Part("history", lambda parts: parts.history),
    # around the camera, whose light is one of them; off before anything else happens
    Part("outputs", lambda parts: parts.station.outputs),
    Part("media", _media),
    Part("service", lambda parts: parts.service),
    Part("refusals", lambda _parts: logging_refusals()),
    Part("broker", lambda parts: parts.broker),
    Part("records", lambda parts: parts.outbox),
    # before the first call: an earlier process may have been told how to meet it
    Part("override", lambda parts: parts.overrides),
    Part("volume", lambda parts: parts.volume),
    Part("privacy", lambda parts: parts.station.privacy),
    Part("long presses", lambda parts: parts.station.long_presses),
    Part("silence", lambda parts: parts.station.silence),
    Part("calls", _calls),
    Part("doorbell", lambda parts: parts.door),
    Part("visitors", lambda parts: parts.visitors),
    Part("commands", lambda parts: parts.commands),
    Part("clock", lambda parts: watching_clock(time.time, parts.status.clock_set)),
    Part("status echo", lambda parts: parts.echo),
    Part("clock steps", lambda parts: watching_clock_steps(parts.broker.clock_stepped)),
    Part("addresses", _addresses),
    Part("sound cards", _sound_cards),
    Part("health", lambda parts: parts.health),
    Part(
        "home assistant",
        lambda parts: HomeAnnouncer(
            parts.settings,
            parts.broker,
            parts.retained,
            parts.reloader,
            lambda: parts.visitors.voice.names,
            lambda: parts.volume.volumes.keys(),
            parts.health.due,
        ),
        optional=True,
    ),
    Part(
        "page",
        lambda parts: page_server(parts.settings, parts.visitors.document),
        optional=True,
        wanted=lambda settings: settings.web.enabled,
    ),
    Part(
        "pull",
        lambda parts: parts.pulling.server(),
        optional=True,
        wanted=lambda settings: settings.pull.enabled,
    ),
    Part("presence", _presence),
)


class Daemon:
    """A device. `load` reads settings and policy, at the start and at each reload; it raises
    ConfigurationError.

    SIGHUP asks for a reload, as a service's does; on a `terminal` it means that the terminal was
    closed, and stops.
    """

    def __init__(
        self, load: Load, *, terminal: bool = False, stop: asyncio.Event | None = None
    ) -> None:
        """`stop` may have been set before `run()`, which then ends at once and in good order."""
        self._load = load
        self._terminal = terminal
        self._settings, self._policy = load()
        self._stop = stop or asyncio.Event()

    @property
    def settings(self) -> Settings:
        return self._settings

    async def run(self) -> None:
        """Until SIGTERM or SIGINT. Raises ConfigurationError, or AlreadyRunning where another one
        has the state directory.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        make_private(self._settings.state_directory)
        with only_one(self._settings.state_directory):
            await self._run(loop)

    async def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        parts = compose(self._settings, self._policy, self._load)
        loop.add_signal_handler(
            signal.SIGHUP, self._stop.set if self._terminal else parts.reloader.reload_on_signal
        )
        if zone_fault := local_timezone().fault:
            logger.warning("%s; rules with days or hours go by UTC", zone_fault)
        for advice in advise(self._settings, self._policy):
            logger.warning("%s", advice)
        async with running(PARTS, parts):
            freeze_start()
            # of what the start has used
            release_memory()
            logger.info("%s is callable as %s", __version__, self._settings.uid)
            await self._stop.wait()
            logger.info("stopping")
