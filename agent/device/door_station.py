"""What a device has beside its calls as a door: outputs, who may open, privacy and silence."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.client.call_client import CallClient
from agent.device.actions import Actions
from agent.device.call_screening import PolicyScreening
from agent.device.device_state import DeviceState
from agent.device.doorbell import Doorbell
from agent.device.doors import Doors
from agent.device.long_presses import LongPresses
from agent.device.operator_settings import OperatorSettings
from agent.device.output_bank import OutputBank, OutputParts
from agent.device.output_events import OutputEvents
from agent.device.privacy_keeper import Barrable, PrivacyKeeper
from agent.device.retained import Retained
from agent.device.silence_keeper import SilenceKeeper
from agent.doorbell.output_settings import OutputSettings
from agent.signaling.outbox.outbox import Outbox
from agent.signaling.protocol.topics import Topics


@dataclass(frozen=True, slots=True)
class DoorStation:
    """None of it is started yet."""

    outputs: OutputBank
    output_events: OutputEvents
    doors: Doors
    privacy: PrivacyKeeper
    silence: SilenceKeeper
    long_presses: LongPresses

    def connect(self, doorbell: Doorbell) -> None:
        """Chimes sound for its rings, privacy holds for them, a door that is opened ends them, and
        long presses switch what they name.
        """
        doorbell.ports.chime = self.outputs.chime
        doorbell.ports.privacy = lambda: self.privacy.on
        doorbell.ports.held = self.long_presses.held
        self.doors.on_open(doorbell.door_opened)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The rest of the device. Clocks: Unix seconds, and one that is never set."""

    uid: str
    topics: Topics
    directory: Path
    client: CallClient
    screening: PolicyScreening
    actions: Actions
    retained: Retained
    outbox: Outbox
    state: DeviceState
    shown: OperatorSettings
    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


def make_door_station(
    around: Surroundings,
    outputs: Sequence[OutputSettings],
    sources: Sequence[Barrable],
    parts: OutputParts | None = None,
) -> DoorStation:
    """`sources` are camera and microphone; `parts` the pins of the board."""
    clocks = (around.wall, around.monotonic)
    silence = SilenceKeeper(around.directory, around.shown, around.wall)
    events = OutputEvents(around.outbox, around.topics, around.uid, *clocks)
    bank = OutputBank(
        outputs,
        around.retained,
        around.topics,
        around.uid,
        events,
        around.state,
        around.wall,
        silence=silence,
        parts=parts,
    )
    may_open = around.screening.may_open
    doors = Doors(
        around.client,
        outputs,
        bank,
        events,
        may_open,
        wall=around.wall,
        monotonic=around.monotonic,
    )
    doors.on_open(around.actions.stop_ringing)
    privacy = PrivacyKeeper(
        around.directory, around.screening, around.client, sources, around.state, around.shown
    )
    long_presses = LongPresses(bank, doors, privacy.toggle)
    return DoorStation(bank, events, doors, privacy, silence, long_presses)
