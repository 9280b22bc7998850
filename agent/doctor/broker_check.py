"""Whether the broker lets the device in: asked as the device itself would, under another name, so
that nobody is thrown out. The words are those of the log and of `callbox status`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Iterator

from agent.doctor.findings import Finding, Verdict
from agent.errors import NotConnected, SignalingError
from agent.settings import Settings
from agent.signaling.broker import MessageStream, Will
from agent.signaling.mqtt.broker_advice import RULES
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.protocol.topics import Topics

# seconds for the broker to take us, and to give what it keeps of us
BROKER_TIMEOUT = 12.0
RETAINED_TIMEOUT = 1.0
# seconds that a connection has to hold
HOLDS = 1.0


async def check_broker(
    settings: Settings, *, daemon_is_here: bool, patience: float = BROKER_TIMEOUT
) -> AsyncIterator[Finding]:
    """Connect with all that the device asks for, its will included, and subscribe to what it
    listens to. `daemon_is_here`: a daemon of this uid answers on this machine. `patience`: seconds
    for one that is not there.

    The findings may be shown to anybody: there is no user name in them.
    """
    mqtt, topics, uid = settings.mqtt, Topics(settings.topic_prefix), settings.uid
    where = f"{mqtt.host}:{mqtt.port}{' with TLS' if mqtt.tls.enabled else ''}"
    started_at = time.monotonic()
    broker = _as_the_device(settings)
    broker.subscribe(topics.signals_for(uid))
    broker.subscribe(topics.commands_for(uid))
    status = broker.subscribe(topics.status(uid))
    try:
        async with broker:
            await broker.wait_decided(patience)
            took = time.monotonic() - started_at
            loss = await _loss(broker)
            others = "" if daemon_is_here else await _who_is_there(status)
            less = [*_limits(broker)]
    except (NotConnected, SignalingError) as error:
        yield Finding("broker", Verdict.FAILED, str(error), broker.advice)
        return
    user = " with a user name" if mqtt.login(uid) else ""
    text = f"connected to {where}{user} and subscribed for {uid} in {took * 1000:.0f} ms"
    if loss is not None:
        yield loss
    elif not any(each.verdict is Verdict.FAILED for each in less):
        yield Finding("broker", Verdict.OK, text, figures={"seconds": round(took, 3)})
    for finding in less:
        yield finding
    if others:
        yield Finding(
            "uid",
            Verdict.WARNING,
            f"somebody is on line as {uid} (bootId {others}), and no daemon answers on this "
            f"machine",
            "If that is another device, give each a uid of its own: calls would reach either.",
        )


def _as_the_device(settings: Settings) -> MqttBroker:
    """Its will is an empty retained message: should it be said, it leaves nothing behind."""
    name = f"callbox-doctor-{uuid.uuid4().hex[:12]}"
    topic = f"{Topics(settings.topic_prefix).replies(settings.uid)}{name}"
    options = settings.mqtt.connection(name, settings.uid)
    changes = {"keeps_session": False, "close_timeout": 1.0, "retry_first": 0.5}
    will = Will(topic, b"", delay=settings.mqtt.will_delay)
    return MqttBroker(options.model_copy(update=changes), will=will)


async def _loss(broker: MqttBroker) -> Finding | None:
    """Whether the broker takes us only to throw us out at once."""
    lost = asyncio.Event()
    told: list[Finding] = []

    def changed(connected: bool) -> None:
        if not connected and not told:
            told.append(Finding("broker", Verdict.FAILED, broker.trouble or "", broker.advice))
            lost.set()

    off = broker.on_connection(changed)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(HOLDS):
            await lost.wait()
    off()
    return told[0] if told else None


def _limits(broker: MqttBroker) -> Iterator[Finding]:
    for topic, reason in broker.refused_topics.items():
        yield Finding(f"messages to {topic}", Verdict.FAILED, reason, RULES)
    for name, reason in broker.refused_filters.items():
        yield Finding(f"subscription to {name}", Verdict.FAILED, reason, RULES)
    for remark in broker.remarks:
        yield Finding("broker", Verdict.WARNING, remark.text, remark.advice)


async def _who_is_there(status: MessageStream) -> str:
    """The bootId of who is on line under the device's name, by what the broker keeps."""
    with contextlib.suppress(TimeoutError, SignalingError, ValueError):
        async with asyncio.timeout(RETAINED_TIMEOUT):
            said = json.loads((await status.receive()).payload)
        if isinstance(said, dict) and said.get("state") == "online":
            return str(said.get("bootId") or "none")
    return ""
