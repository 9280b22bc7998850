"""The outbox with a real broker, and a whole device that is killed."""

from __future__ import annotations

import asyncio
import signal
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.outbox.outbox import Outbox
from tests.conftest import Mosquitto
from tests.e2e.device import Program, Watcher, call, configuration, watching
from tests.signaling.outbox.outboxes import HandBroker, quick, written
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.broker]

TOPIC = "callbox/v1/door-1/events/closed"
UID = "door-1"


def sender(mosquitto: Mosquitto) -> MqttBroker:
    return MqttBroker(
        MqttOptions(port=mosquitto.port, client_id="door-1", retry_first=0.1, retry_longest=0.3)
    )


class Collector:
    """Keeps a session at the broker, so that it misses nothing as long as the broker lives."""

    def __init__(self, port: int) -> None:
        options = MqttOptions(port=port, client_id="collector", retry_first=0.1, retry_longest=0.3)
        self.broker = MqttBroker(options)
        self._stream = self.broker.subscribe(TOPIC)
        self.numbers: list[int] = []

    async def collect(self, last: int) -> list[int]:
        """Everything up to and with `last`."""
        async with asyncio.timeout(PATIENCE):
            while last not in self.numbers:
                incoming = await self._stream.receive()
                incoming.ack()
                self.numbers.append(int(incoming.payload))
        return self.numbers


@asynccontextmanager
async def collecting(mosquitto: Mosquitto) -> AsyncIterator[Collector]:
    collector = Collector(mosquitto.port)
    async with collector.broker:
        await collector.broker.wait_connected(PATIENCE)
        yield collector


def put(outbox: Outbox, *numbers: int) -> None:
    for number in numbers:
        outbox.put("closed", str(uuid.uuid4()), TOPIC, b"%d" % number)


async def test_outbox_what_was_put_while_the_broker_was_away_comes_in_order_and_once(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    mosquitto.stop()
    broker = sender(mosquitto)
    async with Outbox(broker, tmp_path) as outbox:
        put(outbox, *range(200))
        await written(outbox)
        mosquitto.start()
        async with collecting(mosquitto) as collector, broker:
            await broker.wait_connected(PATIENCE)
            put(outbox, *range(200, 220))
            assert await collector.collect(219) == list(range(220))
            await outbox.flush(PATIENCE)
            await written(outbox)
            assert outbox.health.waiting == 0


async def test_outbox_what_a_process_left_comes_in_order_before_what_is_new(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    mosquitto.stop()
    for start in (0, 50):
        async with sender(mosquitto) as broker, Outbox(broker, tmp_path) as outbox:
            put(outbox, *range(start, start + 50))
    mosquitto.start()
    async with (
        collecting(mosquitto) as collector,
        sender(mosquitto) as broker,
        Outbox(broker, tmp_path) as outbox,
    ):
        put(outbox, 100)
        assert await collector.collect(100) == list(range(101))


async def test_outbox_broker_that_comes_and_goes_gets_everything(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """At least once, and the first of each in order. A stopped broker forgets: who collects is
    asked before it goes.
    """
    seen: list[int] = []
    broker = sender(mosquitto)
    async with broker, Outbox(broker, tmp_path) as outbox:
        for life in range(4):
            async with collecting(mosquitto) as collector:
                await broker.wait_connected(PATIENCE)
                put(outbox, *range(life * 20, life * 20 + 20))
                seen += await collector.collect(life * 20 + 19)
                await outbox.flush(PATIENCE)
            mosquitto.restart()
    assert list(dict.fromkeys(seen)) == list(range(80))


@asynccontextmanager
async def device(config: Path, log: Path, watcher: Watcher) -> AsyncIterator[Program]:
    """`callbox run`, which may be killed."""
    start = len(watcher.messages)
    program = await Program.start(log, "run", "--config", str(config))
    try:
        await watcher.wait(f"{UID}/status", lambda body: body["state"] == "online", after=start)
        yield program
    except TimeoutError:
        print(program.log())
        raise
    finally:
        await program.end()


async def on_disk(folder: Path, text: bytes) -> None:
    """Wait until the device's journal has `text`. It does not wait for its disk, so a SIGKILL may
    come before that.
    """
    log = folder / f"state-{UID}" / "outbox.db-wal"
    async with asyncio.timeout(PATIENCE):
        while not (log.exists() and text in log.read_bytes()):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.02)


@pytest.mark.media
async def test_outbox_device_that_is_killed_in_a_call_closes_it_when_it_comes_back(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    config, log = configuration(tmp_path, mosquitto.port), tmp_path / "device.log"
    async with watching(mosquitto) as watcher:
        async with device(config, log, watcher) as program:
            caller = await call(tmp_path, mosquitto, "--audio", "pattern")
            try:
                stats = await watcher.wait(f"{UID}/events/remote_stats")
                await on_disk(tmp_path, b'"connectedAt"')
                program.signal(signal.SIGKILL)
                await program.finish()
            finally:
                await caller.end()
        assert not [event for event in watcher.events() if event["event"] == "closed"]
        async with device(config, log, watcher):
            closed = await watcher.wait(f"{UID}/events/closed")
        async with device(config, log, watcher):
            again = await call(tmp_path, mosquitto, "--seconds", "1")
            code, _ = await again.finish()
            assert code == 0, again.log()
            await watcher.wait(
                f"{UID}/events/closed", lambda body: body["eventId"] != closed["eventId"]
            )
        records = [event for event in watcher.events() if event["event"] == "closed"]
    assert len(records) == 2, "each of the two calls has one"
    assert (closed["reason"], closed["closedBy"], closed["callStatus"]) == (
        "crash_recovered",
        "local",
        "ACCEPTED",
    )
    assert closed["conversation"] == stats["conversation"]
    assert closed["invitedAt"] <= closed["answeredAt"] <= closed["connectedAt"] <= closed["endedAt"]


@pytest.mark.media
async def test_outbox_device_whose_file_breaks_in_a_call_closes_it_after_a_kill(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """Events that no broker takes wait on its disk, so that it has to read there while the call is
    up.
    """
    config, log = configuration(tmp_path, mosquitto.port), tmp_path / "device.log"
    state = tmp_path / f"state-{UID}"
    async with quick(state, HandBroker()) as outbox:
        for number in range(400):
            outbox.put("closed", f"id-{number}", "no/topic/#", b"%1500d" % number)
        await written(outbox)
    async with watching(mosquitto) as watcher:
        async with device(config, log, watcher) as program:
            caller = await call(tmp_path, mosquitto, "--audio", "pattern")
            try:
                stats = await watcher.wait(f"{UID}/events/remote_stats")
                await on_disk(tmp_path, b'"connectedAt"')
                with (state / "outbox.db").open("r+b") as file:
                    file.seek(4096 * 10)
                    file.write(b"\xff" * 4096 * 100)
                async with asyncio.timeout(PATIENCE):
                    while not list(state.glob("*.corrupt-*")):  # noqa: ASYNC110 - another process sets it aside
                        await asyncio.sleep(0.02)
                await on_disk(tmp_path, b'"connectedAt"')
                program.signal(signal.SIGKILL)
                await program.finish()
            finally:
                await caller.end()
        async with device(config, log, watcher):
            closed = await watcher.wait(f"{UID}/events/closed")
    assert (closed["reason"], closed["callStatus"]) == ("crash_recovered", "ACCEPTED")
    assert closed["conversation"] == stats["conversation"]
    assert closed["connectedAt"] <= closed["endedAt"]


@pytest.mark.media
async def test_outbox_outgoing_call_that_nobody_has_answered_is_closed_too(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    config, log = configuration(tmp_path, mosquitto.port), tmp_path / "device.log"
    async with watching(mosquitto) as watcher:
        async with device(config, log, watcher) as program:
            await watcher.publish(f"{UID}/command/call", {"to": ["nobody"]})
            invite = await watcher.wait(f"nobody/signal/{UID}")
            await on_disk(tmp_path, invite["conversation"].encode())
            program.signal(signal.SIGKILL)
            await program.finish()
        async with device(config, log, watcher):
            closed = await watcher.wait(f"{UID}/events/closed")
            late = {"type": "response", "conversation": invite["conversation"], "party": "p"}
            await watcher.publish(
                f"{UID}/signal/nobody", {**late, "callStatus": "ACCEPTED", "sdp": "v=0"}
            )
            over = await watcher.wait(f"nobody/signal/{UID}", lambda body: body["type"] == "close")
    assert (over["conversation"], over["reason"]) == (invite["conversation"], "crash_recovered")
    assert (closed["reason"], closed["direction"], closed["targets"]) == (
        "crash_recovered",
        "outgoing",
        ["nobody"],
    )
    assert closed["conversation"] == invite["conversation"]
    assert "callStatus" not in closed


@pytest.mark.media
async def test_outbox_call_that_ends_while_the_broker_is_away_is_told_after_a_restart_of_both(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    config, log = configuration(tmp_path, mosquitto.port), tmp_path / "device.log"
    async with watching(mosquitto) as watcher, device(config, log, watcher) as program:
        caller = await call(tmp_path, mosquitto)
        stats = await watcher.wait(f"{UID}/events/remote_stats")
        mosquitto.kill()
        caller.signal(signal.SIGINT)
        await caller.finish()
        program.signal(signal.SIGTERM)
        await program.finish()
    mosquitto.start()
    async with watching(mosquitto) as watcher, device(config, log, watcher):
        closed = await watcher.wait(f"{UID}/events/closed")
    assert closed["conversation"] == stats["conversation"]
    assert closed["reason"] in ("user_hangup", "shutdown")
    assert closed["duration"] > 0
