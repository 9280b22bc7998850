"""The harness itself: a Home Assistant that starts, listens to the broker, and remembers."""

from __future__ import annotations

import json

import pytest

from tests.e2e.device import watching
from tests.homeassistant.conftest import Lasting
from tests.homeassistant.household import complaints

pytestmark = pytest.mark.homeassistant
CONFIG = "homeassistant/device/harness/config"
DEVICE = {
    "dev": {"ids": ["harness"], "name": "Harness"},
    "o": {"name": "tests"},
    "cmps": {
        "level": {
            "p": "sensor",
            "uniq_id": "harness_level",
            "name": "Level",
            "stat_t": "harness/level",
        }
    },
}


async def test_entity_comes_goes_and_outlives_a_restart(lasting: Lasting) -> None:
    before = len(lasting.home.complaints())
    version = lasting.home.get("/api/config")["version"]
    assert version == lasting.home.installation.version

    async with watching(lasting.broker) as watcher:
        broker = watcher.broker
        broker.publish(CONFIG, json.dumps(DEVICE).encode(), retain=True)
        broker.publish("harness/level", b"3", retain=True)
        async with lasting.home.link() as link:
            await link.state("sensor.harness_level", "3")

        lasting.home.restart()
        async with lasting.home.link() as link:
            await link.state("sensor.harness_level", "3")
            broker.publish(CONFIG, b"", retain=True)
            await link.gone("sensor.harness_level")
    assert complaints(lasting.home, after=before) == []
