"""`/metrics` for Prometheus or VictoriaMetrics, in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from agent.errors import ConfigurationError
from agent.fleet.collector import Collector
from agent.fleet.collector_settings import MetricsSettings


@contextmanager
def serving_metrics(settings: MetricsSettings, collector: Collector) -> Iterator[int | None]:
    """Serve while the context is open; the port, None where it is switched off.

    Raises ConfigurationError where prometheus-client is missing or the port is taken.
    """
    if not settings.enabled:
        yield None
        return
    try:
        from prometheus_client import start_http_server

        from agent.fleet.fleet_metrics import FleetMetrics
    except ImportError:
        raise ConfigurationError(
            ["metrics.enabled: needs prometheus-client: pip install 'callbox[fleet]'"]
        ) from None
    metrics = FleetMetrics(collector.counts)
    try:
        server, thread = start_http_server(settings.port, settings.host, metrics.registry)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        raise ConfigurationError([f"metrics.port: {where}: {error.strerror}"]) from None
    collector.on_written = metrics.written
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
