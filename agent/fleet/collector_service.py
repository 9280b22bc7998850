"""The collector as a service: readiness, watchdog, signals, and one line that says how it is."""

from __future__ import annotations

import asyncio
import logging
import signal

from pydantic import SecretStr

from agent import __version__
from agent.fleet.collector import Collector
from agent.fleet.collector_settings import CollectorSettings, StatisticsKept
from agent.fleet.fleet_store import FleetStore
from agent.fleet.intake import Intake
from agent.fleet.metrics_server import serving_metrics
from agent.fleet.postgresql_database import PostgresqlDatabase
from agent.fleet.sql_store import Database, SqlStore
from agent.fleet.sqlite_database import FILE_NAME, SqliteDatabase
from agent.fleet.thinning import Thinning
from agent.service.notify import Notifier, open_notifier, watchdog_timeout
from agent.signaling.mqtt.connection import MqttBroker

logger = logging.getLogger(__name__)

# seconds between two looks
_INTERVAL = 5.0
# seconds after which a collector without a broker has started, too, and says what it lacks
_READY_TIMEOUT = 5.0


def open_store(settings: CollectorSettings, *, read_only: bool = False) -> FleetStore:
    """The store that the settings name, not yet opened. Raises ConfigurationError."""
    url = settings.store.url
    database: Database
    if url is None:
        database = SqliteDatabase(settings.state_directory / FILE_NAME, read_only=read_only)
    else:
        database = PostgresqlDatabase(url, _plain(settings.store.password), read_only=read_only)
    return SqlStore(database)


async def collect(settings: CollectorSettings, stop: asyncio.Event | None = None) -> None:
    """Until SIGTERM or SIGINT, or until `stop` is set. Raises ConfigurationError."""
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    store = open_store(settings)
    statistics = settings.statistics
    broker = MqttBroker(settings.connection())
    collector = Collector(
        broker,
        Intake(settings.topic_prefixes, statistics=statistics is not StatisticsKept.NONE),
        store,
        settings.kept(),
        share=settings.mqtt.share or "",
        thinning=Thinning() if statistics is StatisticsKept.THINNED else None,
    )
    notifier = open_notifier()
    with serving_metrics(settings.metrics, collector) as port:
        if port is not None:
            logger.info("metrics: http://%s:%d/metrics", settings.metrics.host, port)
        await _work(broker, collector, notifier, stop)


async def _work(
    broker: MqttBroker, collector: Collector, notifier: Notifier, stop: asyncio.Event
) -> None:
    async with broker:
        work = [
            asyncio.create_task(collector.run(), name="collect"),
            asyncio.create_task(_tell(notifier, broker, collector), name="tell"),
            asyncio.create_task(stop.wait(), name="stop"),
        ]
        try:
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        finally:
            notifier.stopping("stopping")
            for task in work:
                task.cancel()
            results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _tell(notifier: Notifier, broker: MqttBroker, collector: Collector) -> None:
    """READY, what goes on, and the watchdog: fed while the loop turns and the broker's thread
    lives. A broker or a database that is away is told, and no reason to be restarted.
    """
    loop = asyncio.get_running_loop()
    watched = watchdog_timeout()
    interval = min(watched / 2, _INTERVAL) if watched else _INTERVAL
    ready = False
    deadline = loop.time() + _READY_TIMEOUT
    while True:
        words = _words(broker, collector)
        if not ready and (broker.connected or loop.time() >= deadline):
            notifier.ready(words)
            logger.info("%s collects: %s", __version__, words)
            ready = True
        elif ready:
            notifier.status(words)
        if watched and broker.alive:
            notifier.watchdog()
        await asyncio.sleep(interval if ready else 0.1)


def _words(broker: MqttBroker, collector: Collector) -> str:
    if not broker.connected:
        return f"waiting for the broker: {broker.trouble or 'connecting'}"
    if collector.trouble is not None:
        return f"nothing can be stored: {collector.trouble}"
    counts = collector.counts
    return (
        f"connected; {counts.events} events of {counts.messages} messages stored, "
        f"{counts.repeated} repeated, {counts.rejected} rejected"
    )


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
