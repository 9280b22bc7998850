"""What a stranger costs who sends as fast as he can, beside a bare paho subscriber in the same run.

The subscriber throws the same messages away. The device's processor time without a flood is taken
off. `python -m tests.bench.flood send|subscribe ...` are the processes of the run.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import socket
import statistics
import struct
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.service.status_client import SOCKET_NAME, ask
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions
from tests.bench.attackers import process
from tests.bench.figures import Figure, spread
from tests.bench.process import cpu_seconds
from tests.bench.scene import Caller, Scene
from tests.bench.setup_time import stock_offer
from tests.conftest import Mosquitto
from tests.e2e.device import PREFIX, UID, Program, Watcher
from tests.waiting import PATIENCE

TOPIC = f"{PREFIX}/{UID}/signal/stranger"
COST_TARGET = 5.0  # % of a core
DELAY_TARGET = 100.0  # ms
UNLIMITED = 0.0
# seconds for a flood to go, of one look, and percent of a core that it may differ from the last
DRAIN, CALM, STEADY = 60.0, 1.0, 2.0
# name, payload
SMALL = ("small", b'{"type":"dance","conversation":"-"}')
HEAVY = ("of 63 KiB", b'{"type":"dance","x":[' + b"{}," * 21_000 + b"{}]}")


@dataclass(frozen=True, slots=True)
class _Both:
    """The device, and a bare subscriber to the same."""

    status: Path
    device: Program
    bare: asyncio.subprocess.Process

    @property
    def pids(self) -> tuple[int, int]:
        return self.device.pid, self.bare.pid

    async def messages(self) -> tuple[int, int]:
        """How many each has thrown away so far."""
        status = await asyncio.to_thread(ask, self.status)
        self.bare.send_signal(signal.SIGUSR1)
        assert self.bare.stdout is not None
        async with asyncio.timeout(PATIENCE):
            return status["refused"]["messages"], int(await self.bare.stdout.readline())


async def measure_flood(scene: Scene) -> list[Figure]:
    """Cost of an unlimited flood, and what 1,000 messages or 1 MB a second do to an answer."""
    async with (
        unwatched(scene) as alone,
        alone.device() as device,
        bystander(alone.mosquitto) as bare,
    ):
        at = _Both(scene.folder / "run" / SOCKET_NAME, device, bare)
        figures = []
        for name, payload in (SMALL, HEAVY):
            for qos in (0, 1):
                found = await _cost(alone, at, f"{name}, QoS {qos}", payload, qos)
                figures.append(found)
        return [*figures, *await _delays(alone, at.pids)]


@asynccontextmanager
async def unwatched(scene: Scene) -> AsyncIterator[Scene]:
    """The same with a broker whose flood nobody in the bench's own process reads."""
    mosquitto = Mosquitto(scene.folder)
    mosquitto.start()
    try:
        async with watching(mosquitto) as watcher:
            yield replace(scene, mosquitto=mosquitto, watcher=watcher)
    finally:
        mosquitto.stop()


async def _cost(scene: Scene, at: _Both, name: str, payload: bytes, qos: int) -> Figure:
    """The subscriber's share is taken for as many messages as the device got: the broker keeps
    some from whoever is behind.
    """
    window = scene.count(15, 5)
    idle = await _drained(at.pids)
    async with flooding(scene.mosquitto, payload, UNLIMITED, qos=qos):
        await asyncio.sleep(1)
        before = await at.messages()
        device, bare = await _shares(at.pids, window)
        after = await at.messages()
    got, thrown = (now - then for now, then in zip(after, before, strict=True))
    beyond = (device - idle[0]) - (bare - idle[1]) * got / thrown
    details = {"device": device, "bare": bare, "idle": idle[0], "messages": got, "bare's": thrown}
    return Figure(
        f"flood, {name}: beyond a bare subscriber",
        beyond,
        "% of a core",
        COST_TARGET,
        {key: round(value, 1) for key, value in details.items()},
    )


async def _drained(pids: tuple[int, int]) -> tuple[float, float]:
    """What each uses once the last flood has gone: the bare one nothing, the device its usual."""
    until = time.monotonic() + DRAIN
    shares = await _shares(pids, CALM)
    while time.monotonic() < until:
        last, shares = shares, await _shares(pids, CALM)
        if shares[1] < STEADY and abs(shares[0] - last[0]) < STEADY:
            return shares
    raise RuntimeError(f"the last flood has not gone after {DRAIN:g} s: {shares}")


async def _shares(pids: tuple[int, int], seconds: float) -> tuple[float, float]:
    """Percent of a core that each used."""
    before, began = [cpu_seconds(pid) for pid in pids], time.monotonic()
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    one, two = (
        100 * (cpu_seconds(pid) - used) / took for pid, used in zip(pids, before, strict=True)
    )
    return one, two


async def _delays(scene: Scene, pids: tuple[int, int]) -> list[Figure]:
    """Each answer under a flood beside one without, right before it."""
    offer = await stock_offer()
    figures = []
    async with Caller.connected(scene.mosquitto) as caller:
        for name, payload, rate in (
            ("1,000 messages/s", SMALL[1], 1000.0),
            ("1 MB/s", HEAVY[1], 1e6 / len(HEAVY[1])),
        ):
            friends = (f"friend-{rate:.0f}-{number // 4}" for number in itertools.count())
            calm, during = [], []
            for _ in range(scene.count(10, 5)):
                await _drained(pids)
                calm.append(await _answer(scene, caller, offer, next(friends)))
                async with flooding(scene.mosquitto, payload, rate):
                    await asyncio.sleep(1)
                    during.append(await _answer(scene, caller, offer, next(friends)))
            later = [one - other for one, other in zip(during, calm, strict=True)]
            figures.append(
                Figure(
                    f"flood of {name}: an answer later by",
                    statistics.median(later),
                    "ms",
                    DELAY_TARGET,
                    {"pairs": spread(later), "calm": spread(calm), "flooded": spread(during)},
                )
            )
    return figures


async def _answer(scene: Scene, caller: Caller, offer: str, uid: str) -> float:
    """Milliseconds from the invitation to ACCEPTED."""
    exchange = await caller.invite(uid, offer)
    caller.hang_up(exchange)
    await scene.closed(exchange.conversation)
    return (exchange.answered_at - exchange.invited_at) * 1000


@asynccontextmanager
async def watching(mosquitto: Mosquitto) -> AsyncIterator[Watcher]:
    """Sees of the device what a bench needs, and nothing of the flood."""
    broker = MqttBroker(
        MqttOptions(port=mosquitto.port, client_id="flood-watcher", session_expiry=0)
    )
    stream = broker.subscribe(f"{PREFIX}/{UID}/status", f"{PREFIX}/{UID}/events/closed")
    async with broker:
        await broker.wait_connected(PATIENCE)
        watcher = Watcher(broker)
        task = asyncio.create_task(watcher.run(stream))
        try:
            yield watcher
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def bystander(mosquitto: Mosquitto) -> AsyncIterator[asyncio.subprocess.Process]:
    """A bare subscriber to what the device is flooded with. At SIGUSR1 it writes how many it has
    thrown away.
    """
    async with process("tests.bench.flood", "subscribe", str(mosquitto.port)) as subscriber:
        yield subscriber


@asynccontextmanager
async def flooding(
    mosquitto: Mosquitto, payload: bytes, rate: float, *, qos: int = 0
) -> AsyncIterator[None]:
    """Somebody publishes `payload` to the device, `rate` times a second."""
    name = "small" if payload is SMALL[1] else "heavy"
    async with process("tests.bench.flood", "send", str(mosquitto.port), name, str(rate), str(qos)):
        yield


def subscribe(port: int) -> None:
    """A subscriber that throws everything away. Does not return."""
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)

    def connected(*_: object) -> None:
        client.subscribe(TOPIC, 1)

    client.on_connect = connected
    client.on_subscribe = lambda *_: print("ready", flush=True)
    thrown = 0

    def throw_away(*_: object) -> None:
        nonlocal thrown
        thrown += 1

    client.on_message = throw_away
    signal.signal(signal.SIGUSR1, lambda *_: print(thrown, flush=True))
    client.connect("127.0.0.1", port)
    client.loop_forever()


def send(port: int, payload: bytes, rate: float, qos: int) -> None:
    """Publish without end, and without waiting for anything. MQTT 3.1.1, which has no quota."""
    sock = socket.create_connection(("127.0.0.1", port))
    name = f"flood-{os.getpid()}".encode()
    head = b"\x00\x04MQTT\x04\x02\x00\x00" + struct.pack("!H", len(name)) + name
    sock.sendall(bytes([0x10, len(head)]) + head)
    sock.recv(4)
    print("ready", flush=True)
    topic = TOPIC.encode()
    head = struct.pack("!H", len(topic)) + topic + (b"\x00\x01" if qos else b"")
    packet = bytes([0x30 | qos << 1]) + _length(len(head) + len(payload)) + head + payload
    sent, began = 0, time.monotonic()
    while True:
        sock.sendall(packet)
        sent += 1
        if qos:
            with contextlib.suppress(BlockingIOError):
                sock.recv(4096, socket.MSG_DONTWAIT)
        if rate:
            time.sleep(max(0.0, began + sent / rate - time.monotonic()))


def _length(number: int) -> bytes:
    """MQTT's variable byte integer."""
    encoded = bytearray()
    while True:
        number, digit = divmod(number, 128)
        encoded.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(encoded)


def main(arguments: list[str]) -> None:
    match arguments:
        case ["subscribe", port]:
            subscribe(int(port))
        case ["send", port, name, rate, qos]:
            payload = SMALL[1] if name == "small" else HEAVY[1]
            send(int(port), payload, float(rate), int(qos))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
