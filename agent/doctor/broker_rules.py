"""Whether the broker's access rules hold: what the device must be able to do, and must not.

Tried with the device's own login. Nobody is disturbed: signals go to a uid that does not exist, and
the command's verb is none.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

from agent.doctor.findings import Finding, Verdict
from agent.errors import CallboxError
from agent.settings import Settings
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.protocol.topics import Topics

# seconds for the broker to take a connection, a message, and to deliver one
_TIMEOUT = 4.0
_DELIVERY = 1.0
_VERB = "doctor"
_ADVICE = "`callbox acl mosquitto` (emqx, hivemq, rabbitmq, nanomq) prints the rules."


@dataclass(frozen=True, slots=True)
class _Trial:
    """`what` stands behind "the device may" or "may not"."""

    what: str
    topic: str
    is_right: bool


async def check_broker_rules(settings: Settings) -> AsyncIterator[Finding]:
    """One finding for each rule that is missing, or one that says that all is well."""
    if settings.mqtt.username is None:
        yield Finding(
            "broker rules",
            Verdict.WARNING,
            "mqtt.username is not given: the broker cannot tell who calls, or who sends commands",
            f"Give everybody a name and a password at the broker. {_ADVICE}",
        )
        return
    missing = 0
    for trial in _trials(settings):
        may = await _may_publish(settings, trial.topic)
        if may is not trial.is_right:
            missing += 1
            yield _missing(trial)
    if await _may_read_of_others(settings):
        missing += 1
        yield Finding(
            "broker rules",
            Verdict.WARNING,
            "the device may read what is said to others: so may everybody with such rules",
            _ADVICE,
        )
    if not missing:
        text = "the device may do what it must, and not what it must not"
        yield Finding("broker rules", Verdict.OK, text)


def _trials(settings: Settings) -> tuple[_Trial, ...]:
    topics, uid, nobody = Topics(settings.topic_prefix), settings.uid, _nobody()
    own = f"{topics.prefix}/{uid}"
    return (
        _Trial("send signals in its own name", topics.signal(nobody, uid), True),
        _Trial("answer commands", f"{own}/reply/{nobody}", True),
        _Trial("send signals in another's name", topics.signal(nobody, _nobody()), False),
        _Trial("send commands to itself", topics.command(uid, _VERB), False),
        _Trial("say that another device is there", topics.health(nobody), False),
    )


def _missing(trial: _Trial) -> Finding:
    if trial.is_right:
        return Finding(
            "broker rules",
            Verdict.FAILED,
            f"the device may not {trial.what}: {trial.topic} is refused",
            _ADVICE,
        )
    return Finding(
        "broker rules",
        Verdict.WARNING,
        f"the device may {trial.what}: so may everybody with such rules",
        _ADVICE,
    )


def _nobody() -> str:
    return f"callbox-doctor-{uuid.uuid4().hex[:12]}"


def _connection(settings: Settings) -> MqttBroker:
    options = settings.mqtt.connection(_nobody())
    return MqttBroker(options.model_copy(update={"session_expiry": 0, "close_timeout": 0.5}))


async def _may_publish(settings: Settings, topic: str) -> bool:
    """A broker refuses with a reason, or by ending the connection."""
    try:
        async with asyncio.timeout(_TIMEOUT), _connection(settings) as broker:
            await broker.wait_decided(_TIMEOUT)
            await broker.publish(topic, b"{}", expiry=1)
    except (CallboxError, TimeoutError):
        return False
    return True


async def _may_read_of_others(settings: Settings) -> bool:
    topics, nobody = Topics(settings.topic_prefix), _nobody()
    try:
        async with asyncio.timeout(_TIMEOUT), _connection(settings) as broker:
            stream = broker.subscribe(topics.signals_for(nobody))
            await broker.wait_decided(_TIMEOUT)
            await broker.publish(topics.signal(nobody, settings.uid), b"{}", expiry=1)
            async with asyncio.timeout(_DELIVERY):
                await stream.receive()
    except (CallboxError, TimeoutError):
        return False
    return True
