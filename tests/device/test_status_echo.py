"""Another device under our name is told of, and a status that nobody hears."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from agent.device import status_echo
from agent.device.device_state import DeviceState
from agent.device.health_publisher import fault_codes
from agent.device.retained import Retained
from agent.device.status_echo import SIGHTINGS, UNHEARD, WINDOW, StatusEcho
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork, Message
from tests.waiting import PATIENCE, until

TOPIC = "callbox/v1/door-1/status"


def status(boot_id: str, state: str = "online") -> bytes:
    return json.dumps({"state": state, "bootId": boot_id}).encode()


@dataclass
class Bench:
    network: FakeNetwork
    broker: FakeBroker
    echo: StatusEcho
    state: DeviceState
    retained: Retained
    now: float = 0.0

    def hear(self, payload: bytes) -> None:
        self.network.publish(Message(TOPIC, payload, 1, True))

    async def hears(self, payload: bytes) -> None:
        """Until it was judged: our own comes behind it."""
        self.hear(payload)
        self.echo._is_heard = False
        self.hear(status("own"))
        await until(lambda: self.echo._is_heard)


@asynccontextmanager
async def bench(*, is_refused: Callable[[], bool] = lambda: False) -> AsyncIterator[Bench]:
    network, state = FakeNetwork(), DeviceState("none")
    broker = FakeBroker(network, "door-1")
    retained = Retained(broker)
    echo = StatusEcho(
        broker,
        retained,
        TOPIC,
        "door-1",
        "own",
        state,
        is_refused=is_refused,
        monotonic=lambda: made.now,
    )
    made = Bench(network, broker, echo, state, retained)
    async with broker, echo:
        await broker.wait_connected(PATIENCE)
        yield made


async def test_status_echo_rival_that_keeps_coming_back_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with bench() as it:
        await it.hears(status("own"))
        for number in range(SIGHTINGS):
            assert it.state.rival is None, number
            await it.hears(status("theirs"))
        assert "another device is on line as door-1" in (it.state.rival or "")
        assert fault_codes(it.state) == ("uid_in_use",)
        await it.hears(status("theirs"))
    assert sum("another device is on line" in line for line in caplog.messages) == 1


async def test_status_echo_counts_a_rival_once_for_each_time_that_we_have_spoken() -> None:
    """A broker may give twice what it keeps."""
    async with bench() as it:
        await it.hears(status("own"))
        for _ in range(SIGHTINGS - 1):
            for _ in range(SIGHTINGS):
                it.hear(status("theirs"))
            await it.hears(status("own"))
        assert it.state.rival is None
        await it.hears(status("theirs"))
        assert it.state.rival is not None


async def test_status_echo_earlier_run_of_our_own_is_no_rival() -> None:
    """What it had said is there before we say anything; a broker may be restored from a copy."""
    async with bench() as it:
        for _ in range(2 * SIGHTINGS):
            it.hear(status("earlier"))
        await it.hears(status("own"))
        for _ in range(SIGHTINGS - 1):
            await it.hears(status("earlier"))
        assert it.state.rival is None


async def test_status_echo_goodbye_of_another_run_is_no_rival() -> None:
    async with bench() as it:
        await it.hears(status("own"))
        for payload in (status("earlier", "offline"), b"", b"[]", b"{", b'{"state": 1}'):
            for _ in range(SIGHTINGS):
                await it.hears(payload)
        assert it.state.rival is None


async def test_status_echo_sightings_far_apart_are_no_rival() -> None:
    async with bench() as it:
        await it.hears(status("own"))
        for _ in range(2 * SIGHTINGS):
            it.now += WINDOW
            await it.hears(status("theirs"))
        assert it.state.rival is None


async def test_status_echo_speaks_up_so_that_a_rival_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_echo, "PAUSE", 0.0)
    async with bench() as it:
        it.retained.say(TOPIC, status("own"))
        await until(lambda: it.echo._came_back)
        said = len(it.network.published)
        it.hear(status("theirs"))
        await until(lambda: len(it.network.published) > said + 1)
        assert it.network.published[-1].payload == status("own")


async def test_status_echo_rival_that_is_gone_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_echo, "WINDOW", 0.0)
    async with bench() as it:
        it.echo.taken_over()
        assert it.state.rival is not None
        await until(lambda: it.state.rival is None)


@pytest.mark.parametrize("refused", [False, True])
async def test_status_echo_silence_is_told_unless_the_broker_said_so(
    monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    monkeypatch.setattr(status_echo, "PATIENCE", 0.0)
    async with bench(is_refused=lambda: refused) as it:
        await asyncio.sleep(0)
        await until(lambda: bool(it.state.unheard) or refused)
        assert it.state.unheard == ({} if refused else {TOPIC: UNHEARD})
        await it.hears(status("own"))
        assert it.state.unheard == {}
