"""Whether the broker's access rules hold: what the device must be able to do, and must not.

Tried with the device's own login. Nobody is disturbed: signals go to a uid that does not exist, or
to the device itself as an error of a conversation that is none, and the command's verb is none.
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
from agent.signaling.protocol.messages import NO_CONVERSATION, Error, encode
from agent.signaling.protocol.topics import Topics

# seconds for the broker to take a connection, a message, and to deliver one
_TIMEOUT = 4.0
_DELIVERY = 1.0
_VERB = "doctor"
ADVICE = "`callbox acl mosquitto` (emqx, hivemq, rabbitmq, nanomq) prints the rules."


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
            f"Give everybody a name and a password at the broker. {ADVICE}",
        )
        return
    topics, uid, nobody = Topics(settings.topic_prefix), settings.uid, _nobody()
    missing = 0
    for trial in _trials(topics, uid):
        may = await _may_publish(settings, trial.topic)
        if may is not trial.is_right:
            missing += 1
            yield _missing(trial)
    for what, topic_filter in _must_read(topics, uid):
        if not await _is_granted(settings, topic_filter):
            missing += 1
            yield _may_not(f"read {what}: a subscription to {topic_filter} is refused")
    own, others = topics.signals_for(uid), topics.signals_for(nobody)
    if not missing and not await _delivers(settings, own, topics.signal(uid, uid), _TIMEOUT):
        missing += 1
        yield _may_not(f"read what is said to it: {own} is granted, and nothing is delivered")
    if await _delivers(settings, others, topics.signal(nobody, uid), _DELIVERY):
        missing += 1
        yield Finding(
            "broker rules",
            Verdict.WARNING,
            "the device may read what is said to others: so may everybody with such rules",
            ADVICE,
        )
    if not missing:
        text = "the device may do what it must, and not what it must not"
        if await _is_granted(settings, others):
            text += (
                ". This broker grants every subscription and then delivers nothing, so whether "
                "commands reach the device only a command shows"
            )
        yield Finding("broker rules", Verdict.OK, text)


def _trials(topics: Topics, uid: str) -> tuple[_Trial, ...]:
    nobody, own = _nobody(), f"{topics.prefix}/{uid}"
    return (
        _Trial("send signals in its own name", topics.signal(nobody, uid), True),
        _Trial("answer commands", f"{own}/reply/{nobody}", True),
        _Trial("tell events", f"{own}/events/{_VERB}", True),
        _Trial("send signals in another's name", topics.signal(nobody, _nobody()), False),
        _Trial("send commands to itself", topics.command(uid, _VERB), False),
        _Trial("say that another device is there", topics.health(nobody), False),
    )


def _must_read(topics: Topics, uid: str) -> tuple[tuple[str, str], ...]:
    return (
        ("what is said to it", topics.signals_for(uid)),
        ("its commands", topics.commands_for(uid)),
        ("its own status", topics.status(uid)),
    )


def _may_not(what: str) -> Finding:
    return Finding("broker rules", Verdict.FAILED, f"the device may not {what}", ADVICE)


def _missing(trial: _Trial) -> Finding:
    if trial.is_right:
        return _may_not(f"{trial.what}: {trial.topic} is refused")
    return Finding(
        "broker rules",
        Verdict.WARNING,
        f"the device may {trial.what}: so may everybody with such rules",
        ADVICE,
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


async def _is_granted(settings: Settings, topic_filter: str) -> bool:
    """A broker refuses in its SUBACK, by ending the connection, or not at all."""
    try:
        async with asyncio.timeout(_TIMEOUT), _connection(settings) as broker:
            stream = broker.subscribe(topic_filter)
            await broker.wait_decided(_TIMEOUT)
            await stream.wait_granted(_TIMEOUT)
    except (CallboxError, TimeoutError):
        return False
    return True


async def _delivers(settings: Settings, topic_filter: str, topic: str, patience: float) -> bool:
    """Whether what the device says on `topic` comes back to whoever subscribes to `topic_filter`
    with its login.
    """
    said = encode(Error(conversation=NO_CONVERSATION, party=_nobody(), code=_VERB, message=""))
    try:
        async with asyncio.timeout(_TIMEOUT + patience), _connection(settings) as broker:
            stream = broker.subscribe(topic_filter)
            await broker.wait_decided(_TIMEOUT)
            await broker.publish(topic, said, expiry=1)
            async with asyncio.timeout(patience):
                while (await stream.receive()).payload != said:
                    pass
    except (CallboxError, TimeoutError):
        return False
    return True
