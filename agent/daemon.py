"""The composition root: settings become adapters, adapters become a device. Started in order,
stopped in reverse.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import time
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack, nullcontext
from functools import partial
from typing import Any

from agent import __version__
from agent.client.call_client import CallClient
from agent.core.call.reasons import CloseReason
from agent.core.policy.rules import Policy
from agent.device.adapters import about, client_options, mqtt_options, page_server, video_options
from agent.device.clock_watch import watching_clock
from agent.device.doorkeeper import Doorkeeper
from agent.device.operations import Operator
from agent.device.overview import Overview
from agent.device.presence import Presence, offline
from agent.device.publisher import Publisher
from agent.device.refusal_log import logging_refusals
from agent.device.reloading import needs_restart
from agent.device.supervision import Supervision
from agent.errors import ConfigurationError, MediaError
from agent.media.camera_check import find_fault
from agent.media.frame_meter import FrameMeter
from agent.media.sound.audio_hub import AudioHub, open_audio_source
from agent.media.source_choice import open_video_source
from agent.media.video_hub import VideoHub
from agent.ports import LocalStream
from agent.service.addresses import AddressWatch
from agent.service.logs import set_level
from agent.service.memory import release_memory
from agent.settings import Settings
from agent.signaling.channel import Signaling
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.outbox.outbox import Outbox
from agent.signaling.protocol.topics import Topics
from agent.webrtc.peer import make_peer

logger = logging.getLogger(__name__)

# seconds for the broker to acknowledge `offline`
GOODBYE_TIMEOUT = 1.0

Load = Callable[[], tuple[Settings, Policy]]


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
        self._doorkeeper: Doorkeeper | None = None
        self._supervision: Supervision | None = None
        self._publisher: Publisher | None = None

    @property
    def settings(self) -> Settings:
        return self._settings

    async def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(
            signal.SIGHUP, self._stop.set if self._terminal else self._reload_on_signal
        )
        async with AsyncExitStack() as stack:
            client, publisher, presence, supervision = await self._start(stack)
            gc.collect()
            # of what the start has used
            release_memory()
            logger.info("%s is callable as %s", __version__, self._settings.uid)
            await self._stop.wait()
            logger.info("stopping")
            supervision.stopping()
            await client.close(CloseReason.SHUTDOWN)
            await publisher.flush(GOODBYE_TIMEOUT)
            await asyncio.wait([presence.goodbye()], timeout=GOODBYE_TIMEOUT)

    async def _start(
        self, stack: AsyncExitStack
    ) -> tuple[CallClient, Publisher, Presence, Supervision]:
        settings = self._settings
        video, audio = _feeds(settings, self._on_camera)
        stack.push_async_callback(video.close)
        if audio is not None:
            stack.push_async_callback(audio.close)
        meter = FrameMeter(video)
        local_stream = LocalStream(video=meter, audio=audio)

        topics, boot_id = Topics(settings.topic_prefix), str(uuid.uuid4())
        broker = MqttBroker(
            mqtt_options(settings),
            subscriptions=Signaling.subscriptions(settings.uid, settings.topic_prefix),
            will=offline(settings.uid, topics, boot_id),
        )
        signaling = Signaling(
            broker, uid=settings.uid, prefix=settings.topic_prefix, party=str(uuid.uuid4())
        )
        client = CallClient(signaling, make_peer, client_options(settings))
        self._doorkeeper = Doorkeeper(client, self._policy, local_stream, time.time)
        operator = Operator(client, self._doorkeeper, local_stream, self.reload, video.snapshot)
        outbox = Outbox(broker, settings.state_directory, on_trouble=self._on_disk)
        publisher = Publisher(
            broker, outbox, topics, settings.uid, about(settings, video, operator.verbs), time.time
        )
        presence = Presence(broker, topics, settings.uid, boot_id, time.time)
        client.subscribe(publisher.event)
        client.on(
            "conversations", lambda: presence.occupied(len(client.conversations), busy=client.busy)
        )
        client.on_begin = publisher.begin
        self._publisher = publisher
        look = partial(find_fault, settings.video.source, video_options(settings))
        supervision = Supervision(
            settings.uid, Overview(settings, client, broker, meter, outbox), look
        )
        self._supervision = await stack.enter_async_context(supervision)
        await stack.enter_async_context(broker)
        await stack.enter_async_context(outbox)
        for call in await publisher.past_calls():
            client.over(call.conversation, call.remote_uid, call.reason)
        await stack.enter_async_context(client)
        await stack.enter_async_context(logging_refusals())
        await stack.enter_async_context(watching_clock(time.time, presence.clock_set))

        def addresses_changed() -> None:
            broker.addresses_changed()
            client.network_changed()

        await stack.enter_async_context(AddressWatch(addresses_changed))
        if settings.web.enabled:
            await stack.enter_async_context(page_server(settings))
        supervision.running()
        return client, publisher, presence, supervision

    def reload(self) -> dict[str, Any]:
        """Read settings and policy again; what cannot change while running is named. A bad file
        changes nothing.
        """
        with self._supervision.reloading() if self._supervision is not None else nullcontext():
            return self._reload()

    def _reload(self) -> dict[str, Any]:
        settings, policy = self._load()
        if self._doorkeeper is not None:
            self._doorkeeper.replace_policy(policy)
        set_level(settings.log.level)
        pending = needs_restart(self._settings, settings)
        if pending:
            logger.warning("changed, but only after a restart: %s", ", ".join(pending))
        logger.info("policy reloaded, %d rules", len(policy.rules))
        return {"rules": len(policy.rules), "restart_needed_for": pending}

    def _on_camera(self, failure: MediaError | None) -> None:
        if self._supervision is not None:
            self._supervision.camera_failed(None if failure is None else str(failure))

    def _on_disk(self, trouble: str | None) -> None:
        if self._publisher is not None:
            self._publisher.disk_changed(trouble)
        if self._supervision is not None:
            self._supervision.disk_changed()

    def _reload_on_signal(self) -> None:
        try:
            self.reload()
        except ConfigurationError as error:
            for fault in error.faults:
                logger.error("not reloaded, the old rules stay: %s", fault)  # noqa: TRY400 - the sentence says it all


def _feeds(
    settings: Settings, on_camera: Callable[[MediaError | None], None]
) -> tuple[VideoHub, AudioHub | None]:
    options = video_options(settings)
    source = open_video_source(settings.video.source, options)
    video = VideoHub(source, options, linger=settings.video.linger, on_health=on_camera)
    sound = open_audio_source(settings.audio.capture)
    return video, AudioHub(sound) if sound is not None else None
