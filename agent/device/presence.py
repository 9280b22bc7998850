"""How a device is there for others: its connection with the will, its retained status, and what
comes back of that.
"""

from __future__ import annotations

import time

from agent.client.call_client import CallClient
from agent.device.device_state import DeviceState
from agent.device.line_publisher import LinePublisher
from agent.device.retained import Retained
from agent.device.status_echo import StatusEcho
from agent.device.status_publisher import CONFIRM_MARGIN, StatusPublisher, offline
from agent.settings import Settings
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.protocol.topics import Topics


def device_broker(settings: Settings, boot_id: str) -> MqttBroker:
    """Its connection, not entered yet; `boot_id` names this run of it."""
    uid, topics = settings.uid, Topics(settings.topic_prefix)
    connection = settings.mqtt.connection(f"callbox-{uid}", uid)
    will = offline(uid, topics, boot_id, settings.mqtt.will_delay)
    return MqttBroker(connection, will=will)


def make_status(
    settings: Settings,
    broker: MqttBroker,
    retained: Retained,
    boot_id: str,
    client: CallClient,
    state: DeviceState,
) -> StatusPublisher:
    """The retained topics `status` and `call`."""
    topics, late = Topics(settings.topic_prefix), settings.mqtt.will_delay + CONFIRM_MARGIN
    clocks = (time.time, time.monotonic)
    status = StatusPublisher(broker, retained, topics, client.uid, boot_id, *clocks, late)
    status.follow(client, state)
    LinePublisher(client, retained, topics.call(client.uid), time.time)
    return status


def make_echo(
    settings: Settings, broker: MqttBroker, retained: Retained, boot_id: str, state: DeviceState
) -> StatusEcho:
    """Our own status, as the broker gives it back."""
    topic = Topics(settings.topic_prefix).status(settings.uid)

    def is_refused() -> bool:
        return topic in broker.refused_topics or topic in broker.refused_filters

    echo = StatusEcho(broker, retained, topic, settings.uid, boot_id, state, is_refused=is_refused)
    # what another one has said in the meantime
    broker.on_connection(lambda up: None if up else broker.renew(topic))
    broker.on_rival(lambda _: echo.taken_over())
    state.on_change(lambda: broker.rival_stands(state.rival is not None))
    return echo
