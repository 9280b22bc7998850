"""A device with buttons, a broker in memory, and people whom it rings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

from agent.client.call_context import ClientOptions
from agent.device.doorbell import Doorbell
from agent.device.doorbell_ports import DoorbellPorts
from agent.device.ring_events import RingEvents
from agent.doorbell.button_settings import ButtonSettings
from agent.doorbell.ring_settings import RingSettings
from agent.signaling.protocol.topics import Topics
from tests.devices import UID, Device, device
from tests.fakes.manual_clock import ManualClock
from tests.fakes.network import FakeNetwork
from tests.parties import FAST, NOW, PREFIX
from tests.waiting import until

BUTTONS = (ButtonSettings(name="front"), ButtonSettings(name="back", ring="yard"))
TARGETS = {"targets": ["alice", "bob"], "list": [{"name": "yard", "targets": ["carol"]}]}


class Bell:
    """`clock` is that of the presses."""

    def __init__(self, door: Device, doorbell: Doorbell, clock: ManualClock) -> None:
        self.door, self.doorbell, self.clock = door, doorbell, clock
        self.chimed: list[str] = []
        doorbell.ports.chime = self.chimed.append

    async def heard(self, name: str, number: int = 1) -> list[dict[str, Any]]:
        """The same, once there are so many."""
        await until(lambda: len(self.told(name)) >= number)
        return self.told(name)

    def told(self, name: str) -> list[dict[str, Any]]:
        """Every event of that name so far."""
        return self.door.on(f"events/{name}")


@asynccontextmanager
async def ringing(
    network: FakeNetwork,
    folder: Path,
    *rules: dict[str, Any],
    options: ClientOptions = FAST,
    now: Callable[[], float] = lambda: NOW,
    **ring: Any,
) -> AsyncIterator[Bell]:
    """A doorbell with `BUTTONS`; `ring` are settings beside TARGETS."""
    clock = ManualClock()
    async with device(network, folder, *rules, options=options) as door:
        doorbell = Doorbell(
            BUTTONS,
            RingSettings.model_validate(TARGETS | ring),
            door.client,
            door.broker,
            RingEvents(door.outbox, Topics(PREFIX), UID, now),
            zone=UTC,
            now=now,
            monotonic=clock,
            ports=DoorbellPorts(),
        )
        doorbell.connection_changed(door.broker.connected)
        async with doorbell:
            yield Bell(door, doorbell, clock)
