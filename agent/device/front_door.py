"""What a device has at its door: buttons, the doorbell that they press, pictures of who rings."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from agent.client.call_client import CallClient
from agent.device.device_state import DeviceState
from agent.device.door_buttons import DoorButtons
from agent.device.doorbell import Doorbell
from agent.device.doorbell_ports import DoorbellPorts
from agent.device.output_bank import OutputBank
from agent.device.ring_events import RingEvents
from agent.device.ring_screening import RingScreening
from agent.device.visitor_picture import VisitorPicture
from agent.doorbell.output_settings import OutputKind, OutputSettings
from agent.media.video_hub import VideoHub
from agent.service.system_zone import local_timezone
from agent.settings import Settings
from agent.signaling.broker import Broker
from agent.signaling.outbox.outbox import Outbox
from agent.signaling.protocol.topics import Topics

# seconds after a chime until the wires are quiet
AFTER_CHIME = 0.2


class FrontDoor:
    """An async context: first pictures, then the doorbell, and buttons at last."""

    def __init__(self, pictures: VisitorPicture, doorbell: Doorbell, buttons: DoorButtons) -> None:
        self.pictures = pictures
        self.doorbell = doorbell
        self.buttons = buttons
        self._stack = AsyncExitStack()

    def blank_during_chimes(self, bank: OutputBank, outputs: Iterable[OutputSettings]) -> None:
        """What begins while a chime of `bank` is driven is no press: it is on the same wires."""
        pulses = {
            each.name: each.pulse_seconds or 0.0
            for each in outputs
            if each.kind is OutputKind.CHIME
        }

        def changed(name: str, on: bool) -> None:
            if name in pulses:
                self.buttons.blank(AFTER_CHIME + (pulses[name] if on else 0.0))

        bank.on_change(changed)

    async def __aenter__(self) -> Self:
        for each in (self.pictures, self.doorbell, self.buttons):
            await self._stack.enter_async_context(each)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()


def open_front_door(
    settings: Settings,
    state: DeviceState,
    client: CallClient,
    screening: RingScreening,
    broker: Broker,
    outbox: Outbox,
    video: VideoHub,
) -> FrontDoor:
    """As the settings say; it is not entered yet."""
    topics, uid = Topics(settings.topic_prefix), settings.uid
    pictures = VisitorPicture(video.still, broker, topics.snapshot(uid), runs=lambda: video.running)
    doorbell = Doorbell(
        settings.button,
        settings.ring,
        client,
        broker,
        RingEvents(outbox, topics, uid, time.time),
        zone=local_timezone(),
        ports=DoorbellPorts(picture=pictures.begin) if settings.ring.snapshot else DoorbellPorts(),
    )
    client.subscribe(screening.answered)
    if settings.ring.preview:
        screening.allow_previews(doorbell, client)
    return FrontDoor(pictures, doorbell, DoorButtons(settings.button, doorbell, state))
