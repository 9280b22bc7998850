"""Every contract is held to on both networks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Mosquitto
from tests.signaling.mqtt.harness import FakeHarness, Harness, MosquittoHarness


@pytest.fixture(params=["fake", pytest.param("mosquitto", marks=pytest.mark.broker)])
def net(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
    if request.param == "fake":
        yield FakeHarness()
        return
    mosquitto = Mosquitto(tmp_path)
    mosquitto.start()
    yield MosquittoHarness(mosquitto)
    mosquitto.kill()
