"""What a device is made of: everything is made first, then started in the order of a table, and
stopped in reverse.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from agent.client.call_client import CallClient
from agent.core.policy.rules import Policy
from agent.device.about import AboutPublisher
from agent.device.actions import Actions
from agent.device.call_screening import PolicyScreening
from agent.device.command_reader import CommandReader
from agent.device.device_client import device_client
from agent.device.device_state import DeviceState
from agent.device.door_station import DoorStation, Surroundings, make_door_station
from agent.device.doorbell import Doorbell
from agent.device.event_publisher import EventPublisher
from agent.device.front_door import FrontDoor, open_front_door
from agent.device.hand_press import press_by_hand
from agent.device.health_publisher import HealthPublisher, HealthSources
from agent.device.operations import Operator
from agent.device.operator_settings import OperatorSettings
from agent.device.optional_part import OptionalPart
from agent.device.override_keeper import OverrideKeeper
from agent.device.presence import device_broker, make_echo, make_status
from agent.device.pulling import Pulling
from agent.device.reloading import Load, Reloader
from agent.device.retained import Retained
from agent.device.ring_screening import RingScreening
from agent.device.service_link import ServiceLink
from agent.device.snapshots import SnapshotMaker
from agent.device.status_echo import StatusEcho
from agent.device.status_publisher import StatusPublisher
from agent.device.visitors import Visitors
from agent.device.volume_keeper import VolumeKeeper
from agent.media.base.video_source import VideoOptions
from agent.media.camera_check import find_fault
from agent.media.open_devices import OpenDevices
from agent.media.sound.sound_setup import Sound, open_sound
from agent.media.source_choice import open_video_source
from agent.media.video_hub import VideoHub
from agent.service.board_health import board_boot_id, read_board
from agent.service.run_history import RunHistory
from agent.service.system_zone import local_timezone
from agent.settings import Settings
from agent.signaling.command_channel import CommandChannel
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.outbox.outbox import Outbox
from agent.signaling.protocol.topics import Topics


@dataclass(frozen=True, slots=True)
class Parts:
    """Of one device; none is started yet."""

    settings: Settings
    state: DeviceState
    video: VideoHub
    sound: Sound
    broker: MqttBroker
    outbox: Outbox
    retained: Retained
    client: CallClient
    events: EventPublisher
    status: StatusPublisher
    history: RunHistory
    echo: StatusEcho
    health: HealthPublisher
    service: ServiceLink
    reloader: Reloader
    overrides: OverrideKeeper
    volume: VolumeKeeper
    door: FrontDoor
    commands: CommandReader
    station: DoorStation
    visitors: Visitors
    about: AboutPublisher
    pulling: Pulling


@dataclass(frozen=True, slots=True)
class Part:
    """A row of the table. One that is `optional` and does not start costs the device nothing else;
    one that is not `wanted` by the settings is left out.
    """

    name: str
    open: Callable[[Parts], AbstractAsyncContextManager[object]]
    optional: bool = False
    wanted: Callable[[Settings], bool] = lambda _settings: True


@asynccontextmanager
async def running(table: Sequence[Part], parts: Parts) -> AsyncIterator[None]:
    """Open while every part of the table runs."""
    async with AsyncExitStack() as stack:
        for part in table:
            if not part.wanted(parts.settings):
                continue
            make = partial(part.open, parts)
            context = OptionalPart(part.name, make, parts.state) if part.optional else make()
            await stack.enter_async_context(context)
        yield


def compose(settings: Settings, policy: Policy, load: Load) -> Parts:
    """Make a device of its settings. Raises ConfigurationError."""
    state = DeviceState(settings.video.source)
    video, sound, devices = _media(settings, state)
    uid, topics, boot_id = settings.uid, Topics(settings.topic_prefix), str(uuid.uuid4())
    broker = device_broker(settings, boot_id)
    outbox = Outbox(broker, settings.state_directory, on_trouble=state.records_changed)
    events = EventPublisher(broker, outbox, topics, uid, state, time.time)
    screening = PolicyScreening(policy, time.time)
    ring_screening = RingScreening(screening, settings.ring.quiet, local_timezone(), time.time)
    client, pulling = device_client(settings, broker, ring_screening, events, video, sound)
    retained, history = Retained(broker), RunHistory(settings.state_directory, board_boot_id())
    status = make_status(settings, broker, retained, boot_id, client, state)
    door = open_front_door(settings, state, client, ring_screening, broker, outbox, video)
    service = _service(settings, state, client, broker, video, outbox, door.doorbell)
    reloader = _reloader(load, settings, service, screening)
    actions = Actions(client, video.snapshot, lambda: screening.privacy)
    shown, directory = OperatorSettings(retained, topics.settings(uid)), settings.state_directory
    known = (uid, topics, directory, client, screening, actions, retained, outbox, state, shown)
    station = _door_station(settings, Surroundings(*known), video, sound, devices, door)
    overrides = OverrideKeeper(directory, screening, state, shown, time.time)
    volume = VolumeKeeper(directory, sound.levels, sound.present, shown)
    visitors = Visitors(settings, sound, client).connect(door, station)
    operator = Operator(actions, overrides, volume, station, visitors.voice, reloader.reload)
    about = _about(settings, policy, retained, video, history, visitors)
    return Parts(
        settings=settings,
        state=state,
        video=video,
        sound=sound,
        broker=broker,
        outbox=outbox,
        retained=retained,
        client=client,
        events=events,
        status=status,
        history=history,
        echo=make_echo(settings, broker, retained, boot_id, state),
        health=_health(settings, broker, state, outbox, history),
        service=service,
        reloader=reloader,
        overrides=overrides,
        volume=volume,
        door=door,
        commands=_commands(settings, broker, retained, reloader, operator, about),
        station=station,
        visitors=visitors,
        about=about,
        pulling=pulling,
    )


def _reloader(
    load: Load, settings: Settings, service: ServiceLink, screening: PolicyScreening
) -> Reloader:
    reloader = Reloader(load, settings, service.reloading)
    reloader.on_reload(lambda _, wanted: screening.replace_policy(wanted))
    return reloader


def _about(
    settings: Settings,
    policy: Policy,
    retained: Retained,
    video: VideoHub,
    history: RunHistory,
    visitors: Visitors,
) -> AboutPublisher:
    topic = Topics(settings.topic_prefix).about(settings.uid)
    return AboutPublisher(
        retained,
        topic,
        settings,
        policy,
        video,
        history.restarts,
        lambda: visitors.voice.names,
    )


def _door_station(
    settings: Settings,
    around: Surroundings,
    video: VideoHub,
    sound: Sound,
    devices: OpenDevices,
    front: FrontDoor,
) -> DoorStation:
    sources = [each for each in (video, sound.capture) if each is not None]
    door = make_door_station(around, settings.output, sources)
    devices.subscribe(door.outputs.camera_light)
    door.connect(front.doorbell)
    front.blank_during_chimes(door.outputs, settings.output)
    return door


def _health(
    settings: Settings, broker: MqttBroker, state: DeviceState, outbox: Outbox, history: RunHistory
) -> HealthPublisher:
    board = partial(read_board, settings.state_directory)
    topic = Topics(settings.topic_prefix).health(settings.uid)
    return HealthPublisher(broker, topic, state, HealthSources(board, history, outbox))


def _service(
    settings: Settings,
    state: DeviceState,
    client: CallClient,
    broker: MqttBroker,
    video: VideoHub,
    outbox: Outbox,
    doorbell: Doorbell,
) -> ServiceLink:
    snapshots = SnapshotMaker(settings, state, client, broker, video, outbox)
    find_camera_fault = partial(find_fault, settings.video.source, video_options(settings))
    press = partial(press_by_hand, doorbell)
    return ServiceLink(settings.uid, state, snapshots, find_camera_fault, press=press)


def _commands(
    settings: Settings,
    broker: MqttBroker,
    retained: Retained,
    reloader: Reloader,
    operator: Operator,
    told: AboutPublisher,
) -> CommandReader:
    uid, topics = settings.uid, Topics(settings.topic_prefix)
    channel = CommandChannel(broker, uid=uid, prefix=topics.prefix, mark=lambda: retained.mark)
    reader = CommandReader(channel, operator.carry_out, ())

    def allow(verbs: Sequence[str]) -> None:
        reader.allow(verbs)
        told.say(tuple(verb for verb in operator.verbs if verb in verbs))

    def reloaded(wanted: Settings, policy: Policy) -> None:
        told.reloaded(wanted, policy)
        allow(wanted.commands)

    reloader.on_reload(reloaded)
    allow(settings.commands)
    return reader


def video_options(settings: Settings) -> VideoOptions:
    return VideoOptions.of(settings.video, settings.camera, settings.uid)


def _media(settings: Settings, state: DeviceState) -> tuple[VideoHub, Sound, OpenDevices]:
    devices = OpenDevices()
    sound = open_sound(settings.audio, state.sound_failed, devices.watcher("microphone"))
    return _video(settings, state, devices), sound, devices


def _video(settings: Settings, state: DeviceState, devices: OpenDevices) -> VideoHub:
    options = video_options(settings)
    source = open_video_source(settings.video.source, options)
    return VideoHub(
        source,
        options,
        linger=settings.video.linger,
        on_health=state.camera_failed,
        on_device=devices.watcher("camera"),
    )
