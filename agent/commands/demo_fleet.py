"""The fleet of `callbox demo --fleet N`: simulated devices, a collector on SQLite, its page."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from agent.errors import CallboxError
from agent.fleet.collector_service import collect_until
from agent.fleet.collector_settings import (
    CollectorMqttSettings,
    CollectorSettings,
    CollectorWebSettings,
    StatisticsKept,
)
from agent.fleet.simulation.virtual_fleet import VirtualFleet, make_devices
from agent.signaling.broker import Will
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.protocol.topics import Topics

logger = logging.getLogger(__name__)


@asynccontextmanager
async def running_fleet(
    count: int, port: int, broker_port: int, folder: Path
) -> AsyncIterator[str]:
    """All of it, until the context is left. Yields the page's URL, and how to ask in a terminal."""
    settings = CollectorSettings(
        state_directory=folder / "fleet",
        statistics=StatisticsKept.ALL,
        mqtt=CollectorMqttSettings(port=broker_port),
        web=CollectorWebSettings(port=port),
    )
    # all that `callbox fleet` needs to know
    file = folder / "collector.toml"
    file.write_text(f'state_directory = "{settings.state_directory}"\n')

    def connect(uid: str, will: Will) -> MqttBroker:
        return MqttBroker(MqttOptions(port=broker_port, client_id=f"simulated-{uid}"), will=will)

    fleet = VirtualFleet(make_devices(count, Topics(), time.time()), connect)
    tasks = [
        asyncio.create_task(_told("collector", lambda: collect_until(settings, asyncio.Event()))),
        asyncio.create_task(_told("simulated devices", fleet.run)),
    ]
    try:
        yield f"{settings.web.options().url} (or: callbox fleet worst -c {file})"
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _told(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """What ends beside the device is said, and ends nothing else."""
    try:
        await work()
    except CallboxError as error:
        logger.error("The %s have ended: %s", name, error)  # noqa: TRY400 - all of it
    except ExceptionGroup as error:
        logger.error("The %s have ended: %s", name, error.exceptions[0])  # noqa: TRY400
