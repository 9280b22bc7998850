"""A running device at a glance: what its parts know, as systemd and `callbox status` show it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from agent import __version__
from agent.client.call_client import CallClient
from agent.client.conversation import Conversation
from agent.core.statistics.reports import CallRecord, LocalStats
from agent.counts import refusals
from agent.device.device_state import DeviceState
from agent.media.sound.sound_setup import describe_sound
from agent.media.video_hub import VideoHub
from agent.service.memory import resident_memory
from agent.service.process_health import Vitals
from agent.service.status_snapshot import (
    CallSnapshot,
    Phase,
    Records,
    SentVideo,
    Snapshot,
    TimeZone,
)
from agent.service.system_zone import local_timezone
from agent.settings import Settings
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.outbox.outbox import Outbox
from agent.signaling.protocol.topics import Topics


class SnapshotMaker:
    """Looks at one device, and has its `state` say that there is something new to look at."""

    def __init__(
        self,
        settings: Settings,
        state: DeviceState,
        client: CallClient,
        broker: MqttBroker,
        video: VideoHub,
        outbox: Outbox,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._state = state
        self._client = client
        self._broker = broker
        self._video = video
        self._outbox = outbox
        self._monotonic = monotonic
        self._started = monotonic()
        self._began: dict[str, float] = {}
        self._sent: dict[str, SentVideo] = {}
        client.subscribe(self._on_event)
        client.on("conversations", self._on_conversations)
        broker.on_connection(lambda _connected: state.changed())

    def snapshot(self) -> Snapshot:
        mqtt = self._settings.mqtt
        return Snapshot(
            uid=self._settings.uid,
            version=__version__,
            pid=os.getpid(),
            phase=self._state.phase,
            uptime=round(self._monotonic() - self._started, 1),
            broker=f"{mqtt.host}:{mqtt.port}",
            broker_connected=self._broker.connected,
            broker_trouble=self._broker.trouble,
            broker_advice=self._broker.advice,
            broker_limits=tuple(each._asdict() for each in self._broker.remarks),
            camera=self._state.camera,
            records=Records(**asdict(self._outbox.health)),
            max_conversations=self._settings.max_conversations,
            memory=resident_memory(),
            faults={
                **self._state.faults,
                **self._state.lost,
                **self._state.stuck,
                **({"uid of its own": self._state.rival} if self._state.rival else {}),
                **self._forbidden(),
            },
            sound=describe_sound(self._settings.audio),
            override=self._state.override,
            privacy=self._state.privacy,
            time_zone=_time_zone(),
            refused={str(kind): number for kind, number in refusals.totals().items()},
            tasks=len(asyncio.all_tasks()),
            calls=tuple(self._call(each) for each in self._client.conversations.values()),
        )

    def _forbidden(self) -> dict[str, str]:
        """Topics that whoever asks has chosen may be refused to us, and are not told."""
        topics, uid = Topics(self._settings.topic_prefix), self._settings.uid
        refused = {**self._state.unheard, **self._broker.refused_topics}
        messages = {
            f"messages to {topic}": reason
            for topic, reason in refused.items()
            if topic.startswith(f"{topics.prefix}/{uid}/")
            and not topic.startswith(topics.replies(uid))
        }
        subscriptions = {
            f"subscription to {name}": reason
            for name, reason in self._broker.refused_filters.items()
        }
        return {**messages, **subscriptions}

    def vitals(self) -> Vitals:
        return Vitals(
            mqtt_thread_alive=self._broker.alive or self._state.phase is not Phase.RUNNING,
            starved=self._video.starved,
            gave_up=self._video.gave_up,
        )

    def remote_uid(self, conversation: str) -> str | None:
        """The far side of an open conversation."""
        found = self._client.conversations.get(conversation)
        return found.remote_uid if found is not None else None

    def _call(self, conversation: Conversation) -> CallSnapshot:
        began = self._began.setdefault(conversation.id, self._monotonic())
        return CallSnapshot(
            conversation=conversation.id,
            remote_uid=conversation.remote_uid or ", ".join(conversation.targets),
            direction=conversation.direction,
            state=conversation.state,
            age=round(self._monotonic() - began, 1),
            purpose=conversation.purpose,
            video=self._sent.get(conversation.id),
        )

    def _on_conversations(self) -> None:
        open_now = self._client.conversations
        for gone in self._began.keys() - open_now.keys():
            del self._began[gone]
        for conversation in open_now:
            self._began.setdefault(conversation, self._monotonic())
        self._state.changed()

    def _on_event(self, conversation: Conversation, _name: str, event: Any) -> None:
        if isinstance(event, CallRecord):
            self._sent.pop(conversation.id, None)
        elif isinstance(event, LocalStats) and event.video is not None:
            video = event.video
            self._sent[conversation.id] = SentVideo(
                width=video.frame_width or 0,
                height=video.frame_height or 0,
                framerate=video.frames_per_second or 0.0,
                bitrate=video.bitrate or 0,
            )
        self._state.changed()


def _time_zone() -> TimeZone:
    zone = local_timezone()
    return TimeZone(now=f"{datetime.now(zone):%H:%M}", name=str(zone), fault=zone.fault)
