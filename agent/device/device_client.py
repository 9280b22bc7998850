"""The client that a device is: by what it signals, what it sends, and who decides."""

from __future__ import annotations

import uuid
from typing import Any

from agent.client.call_client import CallClient
from agent.client.call_context import ClientOptions
from agent.client.conversation import Conversation
from agent.core.call.machine import Timing
from agent.core.call.notices import PushToTalk
from agent.core.statistics.reports import CallRecord
from agent.device.event_publisher import EventPublisher
from agent.device.pulling import Pulling, PullScreening
from agent.device.talk_back import TalkBack
from agent.media.sound.playout import Playback
from agent.media.sound.push_to_talk import TalkGate
from agent.media.sound.sound_setup import Sound
from agent.media.video_hub import VideoHub
from agent.ports import CallScreening, LocalStream
from agent.settings import Settings
from agent.signaling.channel import SignalingChannel
from agent.signaling.mqtt.connection import MqttBroker
from agent.webrtc.peer import make_peer


def device_client(
    settings: Settings,
    broker: MqttBroker,
    screening: CallScreening,
    events: EventPublisher,
    video: VideoHub,
    sound: Sound,
) -> tuple[CallClient, Pulling]:
    """By MQTT, and by HTTP for those who pull."""
    pulling = Pulling(settings)
    playback = Playback(sound.playback) if sound.playback is not None else None
    signaling = SignalingChannel(
        broker,
        uid=settings.uid,
        prefix=settings.topic_prefix,
        party=str(uuid.uuid4()),
        known_callers=screening.known_callers,
        # a device that nobody can call still says so, and takes commands
        essential=False,
    )
    stream = LocalStream(video, sound.capture, playback)
    talk_back = TalkBack(stream, sound.talk)
    client = CallClient(
        pulling.join(signaling),
        make_peer,
        client_options(settings),
        screening=PullScreening(screening),
        observer=events,
        local_stream=stream,
        stream_for=talk_back.stream_for,
    )
    pulling.connect(client)
    talk_back.connect(client)
    let_talk(client, sound.talk)
    return client, pulling


def client_options(settings: Settings) -> ClientOptions:
    return ClientOptions(
        max_conversations=settings.max_conversations,
        max_viewers=settings.max_viewers,
        ice=settings.ice.options(),
        timing=Timing(setup=settings.call.setup_timeout),
        stats_interval=settings.stats.interval,
    )


def let_talk(client: CallClient, gate: TalkGate | None) -> None:
    """Where the mode is push-to-talk, the callers' buttons move `gate`."""
    if gate is None:
        return

    def listen(conversation: Conversation, _name: str, event: Any) -> None:
        if isinstance(event, PushToTalk):
            gate.talk(conversation.id, event.on)
        elif isinstance(event, CallRecord):
            gate.talk(conversation.id, False)

    client.subscribe(listen)
