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
from typing import Any

from agent.client.call_client import CallClient
from agent.client.call_context import ClientOptions
from agent.client.conversation import Conversation
from agent.core.call.machine import Timing
from agent.core.call.notices import PushToTalk
from agent.core.policy.rules import Policy
from agent.core.statistics.reports import CallRecord
from agent.device.about import AboutPublisher
from agent.device.actions import Actions
from agent.device.call_screening import PolicyScreening
from agent.device.command_reader import CommandReader
from agent.device.device_state import DeviceState
from agent.device.event_publisher import EventPublisher
from agent.device.health_publisher import HealthPublisher, HealthSources
from agent.device.operations import Operator
from agent.device.operator_settings import OperatorSettings
from agent.device.optional_part import OptionalPart
from agent.device.override_keeper import OverrideKeeper
from agent.device.reloading import Load, Reloader
from agent.device.retained import Retained
from agent.device.service_link import ServiceLink
from agent.device.snapshots import SnapshotMaker
from agent.device.status_publisher import StatusPublisher, offline
from agent.device.volume_keeper import VolumeKeeper
from agent.media.base.video_source import VideoOptions
from agent.media.camera_check import find_fault
from agent.media.sound.playout import Playback
from agent.media.sound.push_to_talk import TalkGate
from agent.media.sound.sound_setup import Sound, open_sound
from agent.media.source_choice import open_video_source
from agent.media.video_hub import VideoHub
from agent.ports import LocalStream
from agent.service.board_health import board_boot_id, read_board
from agent.service.run_history import RunHistory
from agent.settings import Settings
from agent.signaling.channel import SignalingChannel
from agent.signaling.command_channel import CommandChannel
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.outbox.outbox import Outbox
from agent.signaling.protocol.topics import Topics
from agent.webrtc.peer import make_peer


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
    health: HealthPublisher
    service: ServiceLink
    reloader: Reloader
    actions: Actions
    overrides: OverrideKeeper
    volume: VolumeKeeper
    commands: CommandReader


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
    video, sound = _video(settings, state), open_sound(settings.audio, state.sound_failed)
    uid, topics, boot_id = settings.uid, Topics(settings.topic_prefix), str(uuid.uuid4())
    broker = MqttBroker(
        settings.mqtt.connection(f"callbox-{uid}"), will=offline(uid, topics, boot_id)
    )
    outbox = Outbox(broker, settings.state_directory, on_trouble=state.records_changed)
    events = EventPublisher(broker, outbox, topics, uid, state, time.time)
    screening = PolicyScreening(policy, time.time)
    playback = Playback(sound.playback) if sound.playback is not None else None
    local_stream = LocalStream(video, sound.capture, playback)
    client = _client(settings, broker, screening, events, local_stream)
    _let_talk(client, sound.talk)
    retained = Retained(broker)
    status = StatusPublisher(broker, retained, topics, uid, boot_id, time.time)
    client.on("conversations", lambda: status.occupied(len(client.conversations), busy=client.busy))
    snapshots = SnapshotMaker(settings, state, client, broker, video, outbox)
    find_camera_fault = partial(find_fault, settings.video.source, video_options(settings))
    service = ServiceLink(uid, state, snapshots, find_camera_fault)
    history = RunHistory(settings.state_directory, board_boot_id())
    reloader = Reloader(load, settings, service.reloading)
    actions = Actions(client, video.snapshot)
    shown, directory = OperatorSettings(retained, topics.settings(uid)), settings.state_directory
    overrides = OverrideKeeper(directory, screening, state, shown, time.time)
    volume = VolumeKeeper(directory, sound.levels, sound.present, shown)
    operator = Operator(actions, overrides, volume, reloader.reload)
    told = AboutPublisher(retained, topics.about(uid), settings, policy, video, history.restarts)
    reloader.on_reload(lambda _, wanted: screening.replace_policy(wanted))
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
        health=_health(settings, broker, state, outbox, history),
        service=service,
        reloader=reloader,
        actions=actions,
        overrides=overrides,
        volume=volume,
        commands=_commands(settings, broker, retained, reloader, operator, told),
    )


def _health(
    settings: Settings, broker: MqttBroker, state: DeviceState, outbox: Outbox, history: RunHistory
) -> HealthPublisher:
    board = partial(read_board, settings.state_directory)
    topic = Topics(settings.topic_prefix).health(settings.uid)
    return HealthPublisher(broker, topic, state, HealthSources(board, history, outbox))


def _client(
    settings: Settings,
    broker: MqttBroker,
    screening: PolicyScreening,
    events: EventPublisher,
    local_stream: LocalStream,
) -> CallClient:
    signaling = SignalingChannel(
        broker,
        uid=settings.uid,
        prefix=settings.topic_prefix,
        party=str(uuid.uuid4()),
        known_callers=screening.known_callers,
    )
    return CallClient(
        signaling,
        make_peer,
        client_options(settings),
        screening=screening,
        observer=events,
        local_stream=local_stream,
    )


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


def client_options(settings: Settings) -> ClientOptions:
    return ClientOptions(
        max_conversations=settings.max_conversations,
        max_viewers=settings.max_viewers,
        ice=settings.ice.options(),
        timing=Timing(setup=settings.call.setup_timeout),
        stats_interval=settings.stats.interval,
    )


def _let_talk(client: CallClient, gate: TalkGate | None) -> None:
    """Where the mode is push-to-talk, the callers' buttons move `gate`."""
    if gate is None:
        return

    def listen(conversation: Conversation, _name: str, event: Any) -> None:
        if isinstance(event, PushToTalk):
            gate.talk(conversation.id, event.on)
        elif isinstance(event, CallRecord):
            gate.talk(conversation.id, False)

    client.subscribe(listen)


def _video(settings: Settings, state: DeviceState) -> VideoHub:
    options = video_options(settings)
    source = open_video_source(settings.video.source, options)
    return VideoHub(source, options, linger=settings.video.linger, on_health=state.camera_failed)
