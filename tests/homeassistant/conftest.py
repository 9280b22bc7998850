"""One Home Assistant at a broker of its own, and more of them for whoever needs another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Mosquitto
from tests.homeassistant.home import HomeAssistant
from tests.homeassistant.installation import NEWEST, OLDEST, Installation, require_installation
from tests.homeassistant.storage import Setup

Start = Callable[..., HomeAssistant]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("homeassistant"):
            # the first start of an installation takes half a minute where nothing else runs
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(NEWEST, id="newest"),
        pytest.param(OLDEST, id="oldest", marks=pytest.mark.further_case),
    ],
)
def installation(request: pytest.FixtureRequest) -> Installation:
    chosen: Installation = request.param
    return require_installation(chosen)


@pytest.fixture(scope="module")
def start_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts one more: `start_home(installation, mqtt_port=PORT, custom=[FOLDER], ...)`, with what
    `Setup` takes; `frontend=True` with the page. All are ended with the module.
    """
    with ExitStack() as stack:

        def start(chosen: Installation, *, frontend: bool = False, **setup: Any) -> HomeAssistant:
            require_installation(chosen, frontend=frontend)
            folder: Path = tmp_path_factory.mktemp("home")
            home = HomeAssistant(chosen, folder, Setup(**setup), frontend=frontend)
            stack.callback(home.stop)
            home.start()
            return home

        yield start


@pytest.fixture(scope="module")
def home_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def home(installation: Installation, home_broker: Mosquitto, start_home: Start) -> HomeAssistant:
    return start_home(installation, mqtt_port=home_broker.port)


@dataclass(frozen=True, slots=True)
class Lasting:
    """Shared by all tests that leave nothing in it."""

    home: HomeAssistant
    broker: Mosquitto


@pytest.fixture(scope="session")
def lasting(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lasting]:
    """One for several files, as a start takes its time."""
    broker = Mosquitto(tmp_path_factory.mktemp("broker"))
    home = HomeAssistant(
        installation, tmp_path_factory.mktemp("home"), Setup(mqtt_port=broker.port)
    )
    broker.start()
    try:
        home.start()
        yield Lasting(home, broker)
    finally:
        home.stop()
        broker.stop()
