"""Thousands of devices in one process, and what they do; run by `FleetProcess`.

    python -m tests.fleet.simulation.simulated_fleet PORT DEVICES PREFIX RETRY_LONGEST SEED

Orders come as lines on standard input, `ORDERS` names them; what happens goes out as JSON lines.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent.fleet.simulation.virtual_call import VirtualCall
from agent.fleet.simulation.virtual_device import Trait, VirtualDevice, encoded
from agent.signaling.mqtt.backoff import Backoff
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.protocol.topics import Topics
from tests.fleet.simulation.simulated_device import KEEPALIVE, SharedParts, SimulatedDevice

HEALTH_INTERVAL = 60.0
_TICK = 0.02
# of all calls: how many records come a second time, and how many devices say what nobody can read
_REPEATED = 0.005
_GARBAGE = 0.001
# attempts that are under way at once in this process; more would wait for each other all the same
_OPENING = 400
_PROBES_A_SECOND = 40.0


class SimulatedFleet:
    """Orders are its public methods without an underscore, by name: see `obey`."""

    def __init__(
        self, port: int, devices: int, prefix: str, retry_longest: float, seed: int
    ) -> None:
        self._port = port
        self._chance = random.Random(seed)
        self._opening = asyncio.Semaphore(_OPENING)
        self._tasks: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()
        self.shared = SharedParts(loop, time.time, self._open)
        # half a minute and more for a fleet: see docs/fleet.md
        options = MqttOptions(retry_longest=retry_longest)
        self._devices = [
            SimulatedDevice(self.shared, each, prefix, Backoff(options, self._chance.random))
            for each in speakers(devices, Topics(prefix), time.time())
        ]
        self._rate = 0.0
        self._crashes = 0.0
        self._probe_at = 0.0
        self._turn = {"health": 0.0, "ping": 0.0, "calls": 0.0, "crashes": 0.0}

    async def run(self) -> None:
        """Until standard input ends."""
        loop = asyncio.get_running_loop()
        orders = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
        ticking = asyncio.create_task(self._tick())
        telling = asyncio.create_task(self._tell())
        try:
            while line := await orders.readline():
                name, *values = line.decode().split()
                self.obey(name, values)
        finally:
            self.shared.ended = True
            for task in (ticking, telling, *self._tasks):
                task.cancel()
            await asyncio.gather(ticking, telling, *self._tasks, return_exceptions=True)
            for device in self._devices:
                device.close()

    def obey(self, name: str, values: list[str]) -> None:
        """An order: `connect SECONDS`, `rate MESSAGES`, `crashes RATE`, `burst RECORDS SECONDS`,
        `books FILE`, `mark NUMBER`.
        """
        match name, values:
            case "connect", [seconds]:
                for device in self._devices:
                    device.begin(self._chance.uniform(0, float(seconds)))
            case "rate", [rate]:
                self._rate = float(rate)
            case "crashes", [rate]:
                self._crashes = float(rate)
            case "burst", [records, seconds]:
                self._burst(int(records), float(seconds))
            case "mark", [number]:
                self.shared.counts.mark = int(number)
            case "books", [file]:
                self._write_books(Path(file))
            case _:
                raise ValueError(f"no such order: {name} {values}")

    def _burst(self, records: int, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        for number in range(records):
            device = self._devices[number % len(self._devices)]
            self.shared.counts.due += 1
            loop.call_later(self._chance.uniform(0, seconds), self._say_record, device)

    def _say_record(self, device: SimulatedDevice) -> None:
        self.shared.counts.due -= 1
        call = self._plan(device)
        self._say(device, told(call, time.time() - call.ends_after)["closed"])

    def _say_due(self, device: SimulatedDevice, event: dict[str, Any]) -> None:
        self.shared.counts.due -= 1
        self._say(device, event)

    def _say(self, device: SimulatedDevice, event: dict[str, Any]) -> None:
        payload = encoded(event)
        now = time.monotonic()
        if event["event"] == "closed":
            if self._chance.random() < _REPEATED:
                device.say(event, payload)
            if device.connected and device.waiting == 0 and now >= self._probe_at:
                self._probe_at = now + 1 / _PROBES_A_SECOND
                _out(probe=[device.speaker.uid, event["eventId"], now])
        device.say(event, payload)

    def _write_books(self, file: Path) -> None:
        books = self.shared.books
        waiting = sum(device.waiting for device in self._devices)
        file.write_text(
            json.dumps(
                {
                    "acknowledgedAt": books.acknowledged_at,
                    "closed": sorted(books.closed),
                    "waiting": waiting,
                }
            )
        )
        _out(books=str(file))

    def _open(self, device: SimulatedDevice) -> None:
        task = asyncio.create_task(self._connect(device))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, device: SimulatedDevice) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with self._opening, asyncio.timeout(10):
                await loop.create_connection(lambda: device, "127.0.0.1", self._port)
        except OSError:
            device.failed()

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(_TICK)
            now = loop.time()
            passed, last = now - last, now
            for device in self._due("ping", passed / (KEEPALIVE * 0.8)):
                device.ping()
            if self._rate:
                self._work(passed)

    def _work(self, passed: float) -> None:
        now = time.time()
        health = 0
        for device in self._due("health", passed / HEALTH_INTERVAL):
            speaker = device.speaker
            device.say_raw("health", speaker.health(now, self._chance, device.waiting))
            health += 1
        # what is left of the rate goes to calls: an answer and a record each
        self._turn["calls"] += max(0.0, self._rate * passed - health) / 2
        while self._turn["calls"] >= 1:
            self._turn["calls"] -= 1
            self._call(self._chance.choice(self._devices))
        self._turn["crashes"] += self._crashes * passed
        while self._turn["crashes"] >= 1:
            self._turn["crashes"] -= 1
            self._chance.choice(self._devices).crash(self._chance.uniform(2, 8))

    def _call(self, device: SimulatedDevice) -> None:
        """It answers an invitation now, and is called for some seconds."""
        call = self._plan(device)
        said = told(call, time.time() - call.answered_after)
        if "response" in said:
            self._say(device, said["response"])
        self.shared.counts.due += 1
        ends_in = call.ends_after - call.answered_after
        asyncio.get_running_loop().call_later(ends_in, self._say_due, device, said["closed"])
        if self._chance.random() < _GARBAGE:
            device.say_raw("events/error", b'{"event": "err\xff')

    def _plan(self, device: SimulatedDevice) -> VirtualCall:
        caller = f"phone-{self._chance.randrange(1000)}"
        speaker = device.speaker
        return VirtualCall.plan(
            caller, speaker.uid, self._chance, speaker.signal, shortest=0.2, longest=3
        )

    def _due(self, what: str, share: float) -> list[SimulatedDevice]:
        """The next of all devices whose turn it is, `share` of them."""
        number = len(self._devices)
        begin = self._turn[what]
        end = self._turn[what] = begin + min(1.0, share) * number
        return [self._devices[each % number] for each in range(int(begin), int(end))]

    async def _tell(self) -> None:
        while True:
            outstanding = sum(device.waiting for device in self._devices)
            _out(counts=asdict(self.shared.counts) | {"waiting": outstanding}, at=time.monotonic())
            await asyncio.sleep(0.5)


def speakers(number: int, topics: Topics, now: float) -> list[VirtualDevice]:
    """One device of fifty has a weak supply."""
    return [
        VirtualDevice(
            f"door-{each:05d}",
            each,
            Trait.WEAK_SUPPLY if each % 50 == 7 else Trait.NONE,
            topics,
            booted_at=now - 3600,
            boots=0,
        )
        for each in range(number)
    ]


def told(call: VirtualCall, begun: float) -> dict[str, dict[str, Any]]:
    """What the callee says of it, by event."""
    said = call.said(begun, statistics=False)
    return {each.event: each.body for each in said if each.device == call.callee}


def _out(**values: Any) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def raise_file_limit(wanted: int) -> int:
    """As many open files as are wanted, or as many as one may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    if soft == unlimited or soft >= wanted:
        return soft
    if hard != unlimited and hard < wanted:
        try:
            # root may
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
        except (OSError, ValueError):
            wanted = hard
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


async def _main(port: str, devices: str, prefix: str, retry_longest: str, seed: str) -> None:
    fleet = SimulatedFleet(int(port), int(devices), prefix, float(retry_longest), int(seed))
    await fleet.run()


if __name__ == "__main__":
    raise_file_limit(int(sys.argv[2]) + 500)
    asyncio.run(_main(*sys.argv[1:6]))
