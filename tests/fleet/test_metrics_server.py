"""`/metrics` over HTTP, and what keeps it from being served."""

from __future__ import annotations

import sys
from urllib.request import urlopen

import pytest

from agent.errors import ConfigurationError
from agent.fleet.collector import Collector
from agent.fleet.collector_settings import MetricsSettings
from agent.fleet.fleet_store import Retention, Written
from agent.fleet.intake import Intake
from agent.fleet.metrics_server import serving_metrics
from agent.fleet.sql_store import SqlStore
from agent.fleet.sqlite_database import SqliteDatabase
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork
from tests.fleet.samples import PREFIX, closed, collected


@pytest.fixture
def collector(tmp_path_factory: pytest.TempPathFactory) -> Collector:
    broker = FakeBroker(FakeNetwork(), "collector-1")
    store = SqlStore(SqliteDatabase(tmp_path_factory.mktemp("state") / "fleet.db"))
    return Collector(broker, Intake([PREFIX]), store, Retention(1.0, 1.0))


def test_metrics_are_served_and_follow_what_is_written(collector: Collector) -> None:
    with serving_metrics(MetricsSettings(enabled=True, port=0), collector) as port:
        record = collected("door-1", "events/closed", closed())
        assert collector.on_written is not None
        collector.on_written([record], Written((record,)))
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
    assert 'callbox_calls_total{direction="incoming"' in text


def test_metrics_that_are_switched_off_are_not_served(collector: Collector) -> None:
    with serving_metrics(MetricsSettings(), collector) as port:
        assert port is None
        assert collector.on_written is None


def test_metrics_on_a_taken_port_are_told(collector: Collector) -> None:
    with (
        serving_metrics(MetricsSettings(enabled=True, port=0), collector) as port,
        pytest.raises(ConfigurationError, match=f"127.0.0.1:{port}"),
        serving_metrics(MetricsSettings(enabled=True, port=port or 0), collector),
    ):
        pass


def test_metrics_without_the_client_say_what_to_install(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with (
        pytest.raises(ConfigurationError, match=r"callbox\[fleet\]"),
        serving_metrics(MetricsSettings(enabled=True, port=0), collector),
    ):
        pass
