"""The dashboard, and what real servers that scrape a real collector answer to all of it."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path

import pytest

from agent.fleet.grafana_dashboard import PANELS, dashboard_file
from agent.fleet.prometheus_rules import RECORDING_RULES, rules_file
from tests.fleet.prometheus import QueryServer, prometheus, victoria_metrics
from tests.fleet.simulation.fleet_world import FleetProcess, FleetWorld
from tests.free_ports import free_port
from tests.waiting import START_TIMEOUT

COMMITTED = Path(__file__).parent.parent.parent / "config" / "fleet" / "grafana-dashboard.json"
DEVICES = 50
EXPRESSIONS = [expr for panel in PANELS for expr, _ in panel.queries]
# nobody rings these devices by a button, and none of them runs for hours
EMPTY = ("callbox_rings", "callbox_device_hours", "callbox_device_crashes")


def written_out(expr: str) -> str:
    """As Grafana would send it, all versions chosen."""
    return expr.replace("$__rate_interval", "1m").replace("$version", ".*")


@asynccontextmanager
async def scraped_fleet(
    folder: Path, server: Callable[[Path, int], AbstractContextManager[QueryServer]]
) -> AsyncIterator[QueryServer]:
    """Devices that call, a collector, and a server that scrapes it."""
    port = free_port()
    world = FleetWorld(folder, url=None, metrics=port)
    async with (
        world,
        FleetProcess.of(world.mosquitto.port, DEVICES, retry_longest=2.0, seed=16) as fleet,
    ):
        fleet.order("connect", 0.5)
        await fleet.until(lambda counts: counts["connected"] == DEVICES)
        fleet.order("rate", 200)
        with server(folder, port) as scraping:
            yield scraping


def test_dashboard_file_is_what_the_module_says() -> None:
    assert COMMITTED.read_text() == dashboard_file(), "run make generate"


def test_dashboard_panels_lie_beside_each_other() -> None:
    panels = json.loads(dashboard_file())["panels"]
    places = [(each["gridPos"]["x"], each["gridPos"]["y"]) for each in panels]
    assert len(set(places)) == len(panels) == len(PANELS)
    assert len({each["title"] for each in panels}) == len(panels)
    assert all(each["gridPos"]["x"] + each["gridPos"]["w"] <= 24 for each in panels)


@pytest.mark.broker
async def test_dashboard_and_rules_are_answered_by_prometheus(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(rules_file().replace("interval: 1m", "interval: 1s"))

    def with_rules(folder: Path, port: int) -> AbstractContextManager[QueryServer]:
        return prometheus(folder, port, folder / "rules.yml")

    async with scraped_fleet(tmp_path, with_rules) as server:
        assert_answered(server)
        server.until("callbox:calls_failed:ratio1h > 0")


@pytest.mark.broker
async def test_dashboard_and_rules_are_answered_by_victoria_metrics(tmp_path: Path) -> None:
    async with scraped_fleet(tmp_path, victoria_metrics) as server:
        assert_answered(server)


def assert_answered(server: QueryServer) -> None:
    """All of them, for one moment: a rate has none before the second scrape of its series."""
    wanted = (*map(written_out, EXPRESSIONS), *(rule.expr for rule in RECORDING_RULES))
    wanted = tuple(expr for expr in wanted if not any(name in expr for name in EMPTY))
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        at = server.scraped_at()
        empty = [expr for expr in wanted if not server.query(expr, at)]
        if not empty:
            return
        assert time.monotonic() < deadline, empty
