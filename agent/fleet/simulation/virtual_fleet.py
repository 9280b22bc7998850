"""Simulated devices on a broker, which call each other: yesterday's calls first, then live ones."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable, Sequence

from agent.fleet.simulation.virtual_call import Said, VirtualCall
from agent.fleet.simulation.virtual_device import Trait, VirtualDevice
from agent.signaling.broker import Broker, Will
from agent.signaling.protocol.topics import Topics

Connect = Callable[[str, Will], Broker]
"""A broker for a client id, not yet entered."""

# as many threads and connections
MOST = 60
_PLACES = (
    "lobby",
    "garage",
    "north-gate",
    "south-gate",
    "loading-dock",
    "reception",
    "stairwell-a",
    "stairwell-b",
    "roof",
    "workshop",
    "canteen",
    "library",
    "bike-cellar",
    "archive",
    "lab-1",
    "lab-2",
    "car-park",
    "clinic",
    "greenhouse",
    "boat-house",
    "chapel",
    "kiosk",
    "pool",
    "studio",
)
_TRAITS = (
    Trait.WEAK_SUPPLY,
    Trait.FLAPPING,
    Trait.SILENT,
    Trait.WRONG_CLOCK,
    Trait.WEAK_SIGNAL,
    Trait.FULL_OUTBOX,
)
_DAY = 86_400.0
# calls of yesterday, for each device
_PAST_CALLS = 14
# seconds
_HEALTH_INTERVAL = 60.0
_LIVE_PAUSE = 16.0
_CONNECT_TIMEOUT = 30.0


def make_devices(count: int, topics: Topics, now: float) -> list[VirtualDevice]:
    """A third of them, at most, has something wrong."""
    names = [_PLACES[each] if each < len(_PLACES) else f"door-{each:03d}" for each in range(count)]
    wrong = min(len(_TRAITS), math.ceil(count / 3))
    return [
        VirtualDevice(
            name,
            number,
            _TRAITS[number // 3] if number % 3 == 1 and number // 3 < wrong else Trait.NONE,
            topics,
            now - 3600 * (5 + number * 13 % 90),
        )
        for number, name in enumerate(names)
    ]


def past_calls(
    devices: Sequence[VirtualDevice], now: float, chance: random.Random
) -> list[tuple[float, VirtualCall]]:
    """When each was, and what: more in the morning and in the evening than at night."""
    found = []
    for device in devices:
        for _ in range(_PAST_CALLS):
            begun = now - chance.uniform(120, _DAY)
            hour = time.localtime(begun).tm_hour
            busy = math.exp(-(((hour - 9) / 3) ** 2)) + math.exp(-(((hour - 18) / 3.5) ** 2))
            if len(devices) > 1 and chance.random() < 0.15 + busy:
                found.append((begun, _call(device, devices, chance, longest=240)))
    return found


def _call(
    caller: VirtualDevice, devices: Sequence[VirtualDevice], chance: random.Random, longest: float
) -> VirtualCall:
    callee = chance.choice([each for each in devices if each is not caller])
    signal = min(caller.signal, callee.signal)
    return VirtualCall.plan(caller.uid, callee.uid, chance, signal, longest=longest)


class VirtualFleet:
    """Runs until it is cancelled."""

    def __init__(
        self,
        devices: Sequence[VirtualDevice],
        connect: Connect,
        *,
        seed: int = 16,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._devices = {each.uid: each for each in devices}
        self._connect = connect
        self._clock = clock
        self._chance = random.Random(seed)  # noqa: S311 - plausible values
        # those that are connected
        self._brokers: dict[str, Broker] = {}

    async def run(self) -> None:
        now = self._clock()
        past: dict[str, list[Said]] = {uid: [] for uid in self._devices}
        for begun, call in past_calls(list(self._devices.values()), now, self._chance):
            for said in call.said(begun, statistics=False):
                past[said.device].append(said)
        async with asyncio.TaskGroup() as group:
            for device in self._devices.values():
                group.create_task(self._live(device, past[device.uid]))
            group.create_task(self._call_each_other(group))

    async def _live(self, device: VirtualDevice, past: Sequence[Said]) -> None:
        """Connect, say what waited in the outbox, and stay, each as it is."""
        await asyncio.sleep(self._chance.uniform(0, 1.0))
        while True:
            now = self._clock()
            device.since = now
            broker = self._connect(device.uid, device.will(now))
            async with broker:
                await broker.wait_connected(_CONNECT_TIMEOUT)
                device.say_status(broker, now)
                device.say_about(broker)
                device.say_health(broker, now, self._chance)
                for said in past:
                    device.say_event(broker, said.event, said.body)
                past = ()
                await self._stay(device, broker)
                device.say_status(broker, self._clock(), "offline")
            device.boot(self._clock())
            await asyncio.sleep(self._chance.uniform(0.5, 2))

    async def _stay(self, device: VirtualDevice, broker: Broker) -> None:
        """For ever, but for one that comes and goes."""
        if device.trait is Trait.FLAPPING:
            await asyncio.sleep(self._chance.uniform(1, 3))
            return
        if device.trait is Trait.SILENT:
            await asyncio.Event().wait()
        self._brokers[device.uid] = broker
        try:
            while True:
                await asyncio.sleep(_HEALTH_INTERVAL * self._chance.uniform(0.8, 1.2))
                device.say_health(broker, self._clock(), self._chance)
        finally:
            del self._brokers[device.uid]

    async def _call_each_other(self, group: asyncio.TaskGroup) -> None:
        while True:
            free = [self._devices[uid] for uid in self._brokers if not self._devices[uid].busy]
            if len(free) >= 2:
                caller = self._chance.choice(free)
                group.create_task(self._carry(_call(caller, free, self._chance, longest=40)))
            pause = _LIVE_PAUSE * 6 / (5 + len(self._devices))
            await asyncio.sleep(self._chance.uniform(0.5, 1.5) * pause)

    async def _carry(self, call: VirtualCall) -> None:
        begun = self._clock()
        loop = asyncio.get_running_loop()
        start = loop.time()
        self._mark_busy(call, busy=True)
        try:
            for said in sorted(call.said(begun), key=lambda each: each.after):
                await asyncio.sleep(start + said.after - loop.time())
                broker = self._brokers.get(said.device)
                if broker is not None:
                    self._devices[said.device].say_event(broker, said.event, said.body)
        finally:
            self._mark_busy(call, busy=False)

    def _mark_busy(self, call: VirtualCall, *, busy: bool) -> None:
        for uid in (call.caller, call.callee):
            device = self._devices[uid]
            device.busy = busy
            device.since = self._clock()
            broker = self._brokers.get(uid)
            if broker is not None:
                device.say_status(broker, device.since)
