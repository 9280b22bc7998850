"""Every topic of the protocol, built and parsed in one place (PROTOCOL 1).

A uid is one topic level. The prefix may have several levels (`callbox/v1`), and is the same for all
who shall meet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT_PREFIX = "callbox/v1"
UID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
# bytes; AWS IoT Core's limit, the smallest of the common brokers
MAX_TOPIC_LENGTH = 256

_UID = re.compile(UID_PATTERN)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PREFIX_LEVEL = re.compile(r"[A-Za-z0-9_.~@:=-]{1,64}")
_PREFIX_LIMIT = 100


@dataclass(frozen=True, slots=True)
class SignalTopic:
    """`<prefix>/<to>/signal/<sender>`."""

    to: str
    sender: str


@dataclass(frozen=True, slots=True)
class CommandTopic:
    """`<prefix>/<uid>/command/<verb>`. The verb is not checked against the list of known ones."""

    uid: str
    verb: str


@dataclass(frozen=True, slots=True)
class EventTopic:
    """`<prefix>/<uid>/events/<name>`."""

    uid: str
    name: str


@dataclass(frozen=True, slots=True)
class StatusTopic:
    """`<prefix>/<uid>/status`."""

    uid: str


@dataclass(frozen=True, slots=True)
class AboutTopic:
    """`<prefix>/<uid>/about`."""

    uid: str


@dataclass(frozen=True, slots=True)
class HealthTopic:
    """`<prefix>/<uid>/health`."""

    uid: str


@dataclass(frozen=True, slots=True)
class SettingsTopic:
    """`<prefix>/<uid>/settings`."""

    uid: str


@dataclass(frozen=True, slots=True)
class CallTopic:
    """`<prefix>/<uid>/call`: what the line is doing."""

    uid: str


@dataclass(frozen=True, slots=True)
class SnapshotTopic:
    """`<prefix>/<uid>/snapshot`: the last visitor, a JPEG."""

    uid: str


@dataclass(frozen=True, slots=True)
class OutputTopic:
    """`<prefix>/<uid>/output/<name>`: a door release, a light."""

    uid: str
    name: str


@dataclass(frozen=True, slots=True)
class ReplyTopic:
    """`<prefix>/<uid>/reply/<rest>`; `rest` is the requester's own, of one level or several."""

    uid: str
    rest: str


_DeviceTopic = StatusTopic | AboutTopic | HealthTopic | SettingsTopic | CallTopic | SnapshotTopic
Topic = SignalTopic | CommandTopic | EventTopic | OutputTopic | ReplyTopic | _DeviceTopic

_OF_A_DEVICE: dict[str, type[_DeviceTopic]] = {
    "status": StatusTopic,
    "about": AboutTopic,
    "health": HealthTopic,
    "settings": SettingsTopic,
    "call": CallTopic,
    "snapshot": SnapshotTopic,
}


def is_uid(text: str) -> bool:
    """Whether `text` may stand as a uid in a topic."""
    return _UID.fullmatch(text) is not None


def wants_retained(topic_filter: str) -> bool:
    """Whether retained messages matter to a subscription. Signalling and commands are never
    retained.
    """
    return not topic_filter.endswith(("/signal/+", "/command/+"))


class Topics:
    """The topics under one prefix."""

    def __init__(self, prefix: str = DEFAULT_PREFIX) -> None:
        """Raises ValueError where `prefix` cannot begin a topic: empty levels, wildcards, `$`, over
        100 characters.
        """
        if len(prefix) > _PREFIX_LIMIT or not all(
            _PREFIX_LEVEL.fullmatch(level) for level in prefix.split("/")
        ):
            raise ValueError(
                f"topic prefix {prefix[:_PREFIX_LIMIT]!r}: levels of letters, digits and "
                f"_.~@:=- with / between"
            )
        self.prefix = prefix

    def signal(self, to: str, sender: str) -> str:
        return f"{self._of(to)}/signal/{_checked(sender)}"

    def command(self, uid: str, verb: str) -> str:
        return f"{self._of(uid)}/command/{_name(verb)}"

    def event(self, uid: str, name: str) -> str:
        return f"{self._of(uid)}/events/{_name(name)}"

    def status(self, uid: str) -> str:
        return f"{self._of(uid)}/status"

    def about(self, uid: str) -> str:
        return f"{self._of(uid)}/about"

    def health(self, uid: str) -> str:
        return f"{self._of(uid)}/health"

    def settings(self, uid: str) -> str:
        return f"{self._of(uid)}/settings"

    def call(self, uid: str) -> str:
        return f"{self._of(uid)}/call"

    def snapshot(self, uid: str) -> str:
        return f"{self._of(uid)}/snapshot"

    def output(self, uid: str, name: str) -> str:
        return f"{self._of(uid)}/output/{_name(name)}"

    def replies(self, uid: str) -> str:
        """Where the results of commands may go: below this."""
        return f"{self._of(uid)}/reply/"

    def signals_for(self, uid: str) -> str:
        """The filter for everything that is said to `uid`."""
        return f"{self._of(uid)}/signal/+"

    def commands_for(self, uid: str) -> str:
        """The filter for everything that is asked of `uid`."""
        return f"{self._of(uid)}/command/+"

    def every(self, what: str) -> str:
        """The filter for `status`, `about`, `health` and the like of every device."""
        return f"{self.prefix}/+/{_name(what)}"

    def parse(self, topic: str) -> Topic | None:
        """What `topic` names, or None for one that is not the protocol's."""
        head, separator, tail = topic.partition(self.prefix + "/")
        if head or not separator:
            return None
        match tail.split("/"):
            case [to, "signal", sender] if is_uid(to) and is_uid(sender):
                return SignalTopic(to, sender)
            case [uid, "command", verb] if is_uid(uid) and _NAME.fullmatch(verb):
                return CommandTopic(uid, verb)
            case [uid, "events", name] if is_uid(uid) and _NAME.fullmatch(name):
                return EventTopic(uid, name)
            case [uid, "output", name] if is_uid(uid) and _NAME.fullmatch(name):
                return OutputTopic(uid, name)
            case [uid, "reply", *rest] if is_uid(uid) and "".join(rest):
                return ReplyTopic(uid, "/".join(rest))
            case [uid, what] if is_uid(uid) and what in _OF_A_DEVICE:
                return _OF_A_DEVICE[what](uid)
        return None

    def _of(self, uid: str) -> str:
        return f"{self.prefix}/{_checked(uid)}"


def _checked(uid: str) -> str:
    if not is_uid(uid):
        raise ValueError(f"uid {uid[:80]!r}: does not match {UID_PATTERN}")
    return uid


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"topic level {name[:80]!r}: lower-case letters, digits and _ only")
    return name
