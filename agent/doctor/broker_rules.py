"""Whether the broker's access rules hold: what the device must be able to do, and must not.

Tried with the device's own login. Nobody is disturbed: signals go to a uid that does not exist, or
to the device itself as an error of a conversation that is none, and the command's verb is none.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from agent.doctor.findings import Finding, Verdict
from agent.errors import CallboxError
from agent.homeassistant.discovery_message import discovery_message
from agent.homeassistant.features import birth_topic
from agent.settings import Settings
from agent.settings.home_features import expected_features
from agent.signaling.mqtt.broker_advice import RULES
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.protocol.messages import NO_CONVERSATION, Error, encode
from agent.signaling.protocol.topics import Topics

# seconds for the broker to take a connection, a message, and to deliver one
_TIMEOUT = 4.0
_DELIVERY = 1.0
_VERB = "doctor"
# what it says of itself; read by many, so a message that is nobody's and is not kept
_STATE = ("status", "about", "health", "call", "snapshot", "settings")
# connections at a time
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class _Trial:
    """`what` stands behind "the device may" or "may not"."""

    what: str
    topic: str
    is_right: bool
    payload: bytes = b"{}"


async def check_broker_rules(
    settings: Settings, *, daemon_is_here: bool = True
) -> AsyncIterator[Finding]:
    """One finding for each rule that is missing, or one that says that all is well. What the device
    says of itself is tried where no daemon does so: `daemon_is_here`.
    """
    if settings.mqtt.login(settings.uid) is None:
        yield Finding(
            "broker rules",
            Verdict.WARNING,
            "mqtt.username is not given: the broker cannot tell who calls, or who sends commands",
            f"Give everybody a name and a password at the broker. {RULES}",
        )
        return
    topics, uid, nobody = Topics(settings.topic_prefix), settings.uid, _nobody()
    missing, trials = 0, _trials(topics, uid)
    if not daemon_is_here:
        trials += tuple(
            _Trial(f"tell its {each}", f"{topics.prefix}/{uid}/{each}", True) for each in _STATE
        )
        trials += _home_trials(settings)
    for trial, may in zip(trials, await _try_all(settings, trials), strict=True):
        if may is not trial.is_right:
            missing += 1
            yield _missing(trial)
    for what, topic_filter in (*_must_read(topics, uid), *_home_reading(settings)):
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
            RULES,
        )
    if not missing:
        text = "the device may do what it must, and not what it must not"
        if await _is_granted(settings, others):
            text += (
                ". This broker grants every subscription and then delivers nothing, so whether "
                "commands reach the device only a command shows"
            )
        yield Finding("broker rules", Verdict.OK, text)


async def _try_all(settings: Settings, trials: Sequence[_Trial]) -> list[bool]:
    """Each on a connection of its own, which a broker may end for it."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def attempt(trial: _Trial) -> bool:
        async with places:
            return await _may_publish(settings, trial.topic, trial.payload)

    return await asyncio.gather(*map(attempt, trials))


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


def _home_trials(settings: Settings) -> tuple[_Trial, ...]:
    """What the device itself tells Home Assistant: anything else is a fault in its log."""
    if not settings.homeassistant.enabled:
        return ()
    message = discovery_message(expected_features(settings), settings.homeassistant.prefix)
    what = "announce itself to Home Assistant"
    return (_Trial(what, message.topic, True, message.payload()),)


def _home_reading(settings: Settings) -> tuple[tuple[str, str], ...]:
    home = settings.homeassistant
    return (("when Home Assistant listens", birth_topic(home.prefix)),) if home.enabled else ()


def _may_not(what: str) -> Finding:
    return Finding("broker rules", Verdict.FAILED, f"the device may not {what}", RULES)


def _missing(trial: _Trial) -> Finding:
    if trial.is_right:
        return _may_not(f"{trial.what}: {trial.topic} is refused")
    return Finding(
        "broker rules",
        Verdict.WARNING,
        f"the device may {trial.what}: so may everybody with such rules",
        RULES,
    )


def _nobody() -> str:
    return f"callbox-doctor-{uuid.uuid4().hex[:12]}"


def _connection(settings: Settings) -> MqttBroker:
    options = settings.mqtt.connection(_nobody(), settings.uid)
    return MqttBroker(options.model_copy(update={"session_expiry": 0, "close_timeout": 0.5}))


async def _may_publish(settings: Settings, topic: str, payload: bytes) -> bool:
    """A broker refuses with a reason, or by ending the connection."""
    try:
        async with asyncio.timeout(_TIMEOUT), _connection(settings) as broker:
            await broker.wait_decided(_TIMEOUT)
            await broker.publish(topic, payload, expiry=1)
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
