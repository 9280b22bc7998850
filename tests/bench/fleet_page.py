"""The fleet's page over a year of calls and ten thousand devices: a million calls in SQLite, ten
million in PostgreSQL, a real collector and broker, Chromium.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path

from playwright.async_api import Page

from agent.core.timestamps import format_time
from agent.fleet.postgresql_database import PostgresqlDatabase
from agent.fleet.sql_store import Database
from agent.fleet.sqlite_database import FILE_NAME, SqliteDatabase
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions
from tests.bench.figures import Figure, spread
from tests.bench.scene import Scene
from tests.e2e.browser import chromium
from tests.fleet.postgresql import PostgreSql
from tests.fleet.samples import PREFIX
from tests.fleet.simulation.fleet_world import FleetWorld
from tests.fleet.year_of_calls import FIRST, fill
from tests.free_ports import free_port

SQLITE_CALLS = 1_000_000
POSTGRESQL_CALLS = 10_000_000
DEVICES = 10_000
TURNS = 8
# seconds, for a page that shows nothing
PATIENCE = 120
# From a click on a range to the frame after that in which the number of calls is what it should be.
CLICK = """async ([range, wanted]) => {
  const shown = () => document.querySelector('[data-testid="fact-calls"]')?.textContent;
  const frame = () => new Promise(requestAnimationFrame);
  const begun = performance.now();
  document.querySelector(`[data-range="${range}"]`).click();
  while (shown() !== wanted && performance.now() - begun < 60000) await frame();
  await frame();
  return shown() === wanted ? performance.now() - begun : null;
}"""
OFFLINE = """(wanted) =>
  document.querySelector('[data-testid="now-offline"]')?.textContent === wanted"""


async def measure_fleet_page(scene: Scene) -> list[Figure]:
    share = 100 if scene.quick else 1
    figures = await over(scene.folder / "sqlite", None, SQLITE_CALLS // share)
    with PostgreSql() as server:
        return figures + await over(
            scene.folder / "postgresql", server.url, POSTGRESQL_CALLS // share
        )


async def over(folder: Path, url: str | None, calls: int) -> list[Figure]:
    await asyncio.to_thread(folder.mkdir)
    port = free_port()
    world = FleetWorld(folder, url=url, metrics=port)
    begun = time.monotonic()
    database: Database = (
        SqliteDatabase(folder / "state" / FILE_NAME) if url is None else PostgresqlDatabase(url)
    )
    await asyncio.to_thread(fill, database, calls, DEVICES)
    print(f"{calls} calls in {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    async with world, chromium() as browser:
        context = await browser.new_context(locale="en-GB")
        page = await context.new_page()
        begun = time.monotonic()
        await page.goto(f"http://127.0.0.1:{port}/")
        await page.wait_for_selector('[data-testid="fact-calls"]', timeout=PATIENCE * 1000)
        opened = time.monotonic() - begun
        clicks = [await click(page, calls, turn) for turn in range(TURNS)]
        changes = await change_devices(page, world)
    where = f"{'SQLite' if url is None else 'PostgreSQL'}, {calls:,} calls"
    return [
        Figure(f"{where}: the page opened", opened, "s"),
        Figure(f"{where}: click to the year shown, median", statistics.median(clicks), "s", 1.0),
        Figure(f"{where}: the same, at most", max(clicks), "s", 1.0, spread(clicks)),
        Figure(f"{where}: a device's change, at most", max(changes), "s", 2.0, spread(changes)),
    ]


async def click(page: Page, calls: int, turn: int) -> float:
    """Seconds, for an answer that nobody has asked for in the last seconds."""
    await page.click('[data-range="24h"]')
    await asyncio.sleep(5 + turn / TURNS)
    taken = await page.evaluate(CLICK, ["365d", f"{calls:,}"])
    if taken is None:
        raise RuntimeError(await page.inner_text("main"))
    return float(taken) / 1000


async def change_devices(page: Page, world: FleetWorld) -> list[float]:
    """Seconds from a device's publishing to the page's showing it."""
    options = MqttOptions(port=world.mosquitto.port, client_id="changes", session_expiry=0)
    taken = []
    async with MqttBroker(options) as broker:
        await broker.wait_connected(PATIENCE)
        await page.wait_for_function(OFFLINE, arg="0", timeout=PATIENCE * 1000)
        for number in range(1, TURNS + 1):
            # at any moment between two questions of the page
            await asyncio.sleep(1 + number / TURNS)
            body = {"state": "offline", "since": format_time(time.time())}
            begun = time.monotonic()
            broker.publish(f"{PREFIX}/door-{FIRST + number}/status", json.dumps(body).encode())
            await page.wait_for_function(OFFLINE, arg=str(number), timeout=PATIENCE * 1000)
            taken.append(time.monotonic() - begun)
    return taken
