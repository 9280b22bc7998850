"""The collector as a service: readiness, watchdog, signals, and one line that says how it is."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from pydantic import SecretStr

from agent import __version__
from agent.errors import ConfigurationError
from agent.fleet.collector import Collector
from agent.fleet.collector_settings import CollectorSettings, StatisticsKept
from agent.fleet.fleet_page import FleetPage, Metrics
from agent.fleet.fleet_store import FleetStore
from agent.fleet.intake import Intake
from agent.fleet.page_answers import PageAnswers
from agent.fleet.postgresql_database import PostgresqlDatabase
from agent.fleet.rival_watch import RivalWatch
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
    await collect_until(settings, stop, open_notifier())


async def collect_until(
    settings: CollectorSettings, stop: asyncio.Event, notifier: Notifier | None = None
) -> None:
    """Until `stop` is set; told to nobody without a `notifier`. Raises ConfigurationError."""
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
    state = _State(broker, collector, settings.mqtt.client_id)
    async with _page(settings, collector):
        await _work(state, notifier or open_notifier({}), stop)


@asynccontextmanager
async def _page(settings: CollectorSettings, collector: Collector) -> AsyncIterator[None]:
    """Serve the page and the metrics. Where that cannot be it is told, and all is collected."""
    if not settings.web.enabled:
        yield
        return
    options = settings.web.options()
    page = FleetPage(
        options, PageAnswers(open_store(settings, read_only=True)), _metrics_of(collector)
    )
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(page)
        except ConfigurationError as error:
            logger.error("No page: %s", "; ".join(error.faults))  # noqa: TRY400 - all of it
        else:
            logger.info("page: %s", options.url)
        yield


def _metrics_of(collector: Collector) -> Metrics | None:
    """None where prometheus-client is not installed."""
    try:
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        from agent.fleet.fleet_metrics import FleetMetrics
    except ImportError:
        return None
    metrics = FleetMetrics(collector.counts)
    collector.on_written = metrics.written
    return lambda: (generate_latest(metrics.registry), CONTENT_TYPE_LATEST)


class _State:
    """How the collector is, in one line."""

    def __init__(self, broker: MqttBroker, collector: Collector, client_id: str) -> None:
        self.broker = broker
        self.collector = collector
        self._client_id = client_id
        self._rivals = RivalWatch()
        self._is_told = False
        broker.on_connection(
            lambda connected: self._rivals.told(time.monotonic(), connected=connected)
        )

    def words(self) -> str:
        counts = self.collector.counts
        if rival := self._rival():
            return rival
        if not self.broker.connected:
            return f"waiting for the broker: {self.broker.trouble or 'connecting'}"
        if self.collector.trouble is not None:
            return f"nothing can be stored: {self.collector.trouble}"
        return (
            f"connected; {counts.events} events of {counts.messages} messages stored, "
            f"{counts.repeated} repeated, {counts.rejected} rejected"
        )

    def _rival(self) -> str | None:
        """Logged once each time that it begins."""
        suspects = self._rivals.suspects(time.monotonic())
        text = (
            f"the broker ends each connection within seconds: is there another collector of the "
            f"client id {self._client_id}? Give each a mqtt.client_id of its own"
        )
        if suspects and not self._is_told:
            logger.error("%s", text[0].upper() + text[1:])
        self._is_told = suspects
        return text if suspects else None


async def _work(state: _State, notifier: Notifier, stop: asyncio.Event) -> None:
    async with state.broker:
        work = [
            asyncio.create_task(state.collector.run(), name="collect"),
            asyncio.create_task(_tell(notifier, state), name="tell"),
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


async def _tell(notifier: Notifier, state: _State) -> None:
    """READY, what goes on, and the watchdog: fed while the loop turns and the broker's thread
    lives. A broker or a database that is away is told, and no reason to be restarted.
    """
    loop = asyncio.get_running_loop()
    watched = watchdog_timeout()
    interval = min(watched / 2, _INTERVAL) if watched else _INTERVAL
    ready = False
    deadline = loop.time() + _READY_TIMEOUT
    while True:
        words = state.words()
        if not ready and (state.broker.connected or loop.time() >= deadline):
            notifier.ready(words)
            logger.info("%s collects: %s", __version__, words)
            ready = True
        elif ready:
            notifier.status(words)
        if watched and state.broker.alive:
            notifier.watchdog()
        await asyncio.sleep(interval if ready else 0.1)


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
