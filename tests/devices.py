"""A device without a process, a broker in memory, and an operator who asks it and watches all that
it publishes.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agent.client.call_client import CallClient
from agent.client.call_context import ClientOptions
from agent.core.policy.rules import Policy, Rule
from agent.device.actions import Actions
from agent.device.call_screening import PolicyScreening
from agent.device.command_reader import CommandReader
from agent.device.device_state import DeviceState
from agent.device.door_station import DoorStation, Surroundings, make_door_station
from agent.device.event_publisher import EventPublisher
from agent.device.operations import Operator
from agent.device.operator_settings import OperatorSettings
from agent.device.override_keeper import OverrideKeeper
from agent.device.privacy_keeper import Barrable
from agent.device.pulling import Pulling, PullScreening
from agent.device.retained import Retained
from agent.device.status_publisher import StatusPublisher, offline
from agent.device.voice import Voice
from agent.device.volume_keeper import VolumeKeeper
from agent.doorbell.message_folder import MessageFolder
from agent.doorbell.output_settings import OutputSettings
from agent.doorbell.visitor_messages import VisitorMessages
from agent.errors import MediaUnavailable
from agent.media.jpeg import Jpeg
from agent.media.sound.level import Level
from agent.media.sound.sound_setup import Sound
from agent.signaling.channel import SignalingChannel
from agent.signaling.command_channel import CommandChannel
from agent.signaling.outbox.outbox import Outbox
from agent.signaling.outbox.outbox_options import OutboxOptions
from agent.signaling.protocol import messages as wire
from agent.signaling.protocol.topics import Topics
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork
from tests.fakes.peer import FakePeers
from tests.parties import FAST, PREFIX
from tests.waiting import PATIENCE, until

UID = "door-1"
# a busy machine is no failing disk
PATIENT = OutboxOptions(begin_patience=PATIENCE, patience=PATIENCE)


@dataclass
class Device:
    """`results` are the replies to its commands, by id."""

    client: CallClient
    screening: PolicyScreening
    actions: Actions
    commands: CommandReader
    status: StatusPublisher
    peers: FakePeers
    broker: FakeBroker
    network: FakeNetwork
    outbox: Outbox
    state: DeviceState
    door: DoorStation
    reload: Any = field(default=lambda: {"rules": 1})
    picture: Jpeg | MediaUnavailable = field(default_factory=lambda: MediaUnavailable("no camera"))
    # cleared: it takes its time
    camera: asyncio.Event = field(default_factory=asyncio.Event)
    _ids: Any = field(default_factory=itertools.count)

    async def take_picture(self) -> Jpeg:
        """`picture`, once `camera` is set."""
        await self.camera.wait()
        if isinstance(self.picture, Exception):
            raise self.picture
        return self.picture

    def on(self, topic: str) -> list[dict[str, Any]]:
        """Everything published on the topic `topic` of the device so far."""
        return [
            json.loads(each.payload)
            for each in self.network.published
            if each.topic == f"{PREFIX}/{UID}/{topic}"
        ]

    def events(self, conversation: str | None = None) -> list[dict[str, Any]]:
        """Events of conversations, or of one, but for statistics."""
        bodies = [
            json.loads(each.payload)
            for each in self.network.published
            if f"{UID}/events/" in each.topic
        ]
        bodies = [
            body for body in bodies if "eventId" in body and not body["event"].endswith("_stats")
        ]
        return [body for body in bodies if conversation in (None, body.get("conversation"))]

    async def event(self, name: str, conversation: str | None = None) -> dict[str, Any]:
        """The first event of that name."""

        def found() -> list[dict[str, Any]]:
            return [body for body in self.events(conversation) if body["event"] == name]

        await until(lambda: bool(found()))
        return found()[0]

    async def ask(self, operator: FakeBroker, verb: str, **fields: Any) -> dict[str, Any]:
        """Send a command, and wait for its result."""
        name = f"request-{next(self._ids)}"
        operator.publish(
            f"{PREFIX}/{UID}/command/{verb}", json.dumps({"id": name, **fields}).encode()
        )

        def found() -> list[dict[str, Any]]:
            return [body for body in self.on("events/command_result") if body.get("id") == name]

        await until(lambda: bool(found()))
        return found()[0]


def _retained_status(
    broker: FakeBroker, retained: Retained, topics: Topics, options: ClientOptions
) -> StatusPublisher:
    """What it says of itself on each connect."""
    about = wire.About(uid=UID, model="none", max_conversations=options.max_conversations)
    retained.say(topics.about(UID), wire.encode(about))
    # tests count what is said, so nothing is confirmed
    clocks = (options.wall, options.monotonic)
    return StatusPublisher(broker, retained, topics, UID, "boot-1", *clocks, confirm_after=3600)


def _client(
    broker: FakeBroker,
    peers: FakePeers,
    options: ClientOptions,
    screening: PolicyScreening,
    events: EventPublisher,
    pulling: Pulling | None,
) -> CallClient:
    main = SignalingChannel(
        broker,
        uid=UID,
        prefix=PREFIX,
        party=f"party-{UID}",
        now=options.wall,
        monotonic=options.monotonic,
    )
    client = CallClient(
        main if pulling is None else pulling.join(main),
        peers,
        options,
        screening=PullScreening(screening),
        observer=events,
    )
    if pulling is not None:
        pulling.connect(client)
    return client


def _command_channel(
    broker: FakeBroker, retained: Retained, options: ClientOptions
) -> CommandChannel:
    return CommandChannel(
        broker, uid=UID, prefix=PREFIX, mark=lambda: retained.mark, now=options.wall
    )


def _voice(folder: Path, sound: Sound | None, options: ClientOptions) -> Voice:
    left = VisitorMessages(folder / "left")
    return Voice(sound or Sound(), MessageFolder(folder / "messages"), left, options.wall)


@asynccontextmanager
async def device(
    network: FakeNetwork,
    folder: Path,
    *rules: dict[str, Any],
    options: ClientOptions = FAST,
    outbox_options: OutboxOptions = PATIENT,
    commands: Sequence[str] = tuple(wire.COMMANDS),
    levels: Mapping[str, Level] = MappingProxyType({}),
    outputs: Sequence[OutputSettings] = (),
    sources: Sequence[Barrable] = (),
    sound: Sound | None = None,
    pulling: Pulling | None = None,
) -> AsyncIterator[Device]:
    topics, peers = Topics(PREFIX), FakePeers()
    broker = FakeBroker(network, UID, will=offline(UID, topics, "boot-1"))
    policy = Policy([Rule.model_validate(rule) for rule in rules], timezone=UTC)
    screening = PolicyScreening(policy, options.wall)
    state = DeviceState("none")
    outbox = Outbox(broker, folder, outbox_options, on_trouble=state.records_changed)
    events = EventPublisher(broker, outbox, topics, UID, state, options.wall)
    client = _client(broker, peers, options, screening, events, pulling)
    retained = Retained(broker)
    channel = _command_channel(broker, retained, options)
    status = _retained_status(broker, retained, topics, options)

    actions = Actions(client, lambda _size: made.take_picture(), lambda: screening.privacy)
    shown = OperatorSettings(retained, topics.settings(UID))
    overrides = OverrideKeeper(folder, screening, state, shown, options.wall)
    volume = VolumeKeeper(folder, levels, lambda _end: True, shown)
    known = (UID, topics, folder, client, screening, actions, retained, outbox, state, shown)
    around = Surroundings(*known, options.wall, options.monotonic)
    door, voice = make_door_station(around, outputs, sources), _voice(folder, sound, options)
    operator = Operator(actions, overrides, volume, door, voice, lambda: made.reload())
    reader = CommandReader(channel, operator.carry_out, commands, wall=options.wall)
    made = Device(
        client, screening, actions, reader, status, peers, broker, network, outbox, state, door
    )
    made.camera.set()
    status.follow(client, state)
    async with broker, outbox:
        for call in await events.past_calls():
            client.over(call.conversation, call.remote_uid, call.reason)
        async with overrides, volume, door.privacy, door.silence, door.outputs, client, reader:
            await broker.wait_connected(30)
            await until(lambda: channel.drained)
            yield made


@asynccontextmanager
async def operator(network: FakeNetwork) -> AsyncIterator[FakeBroker]:
    """Somebody who may send commands."""
    async with FakeBroker(network, "operator") as broker:
        await broker.wait_connected(30)
        yield broker
