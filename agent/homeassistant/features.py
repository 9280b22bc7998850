"""What of a device matters to Home Assistant."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from agent.signaling.protocol.topics import Topics

# hexadecimal digits, of SHA-256
_SUFFIX = 6


@dataclass(frozen=True, slots=True)
class DoorFeature:
    """A door that can be released. `code`: with digits; `contact`: it tells whether it is open."""

    name: str
    code: bool = False
    contact: bool = False


@dataclass(frozen=True, slots=True)
class Features:
    """`verbs` are the commands that are carried out, `messages` what it can say, `page` the address
    of its own page.
    """

    uid: str
    topics: Topics
    name: str = ""
    model: str = ""
    version: str = ""
    page: str | None = None
    verbs: frozenset[str] = frozenset()
    doors: tuple[DoorFeature, ...] = ()
    button: bool = False
    picture: bool = False
    speaker: bool = False
    microphone: bool = False
    messages: tuple[str, ...] = field(default=())


def slug(uid: str) -> str:
    """The uid as it may stand in the discovery's topic, and in ids. Home Assistant takes no dot
    there; two uids never have one slug.
    """
    if "." not in uid:
        return uid
    suffix = hashlib.sha256(uid.encode()).hexdigest()[:_SUFFIX]
    return f"{uid.replace('.', '_')}-{suffix}"


def config_topic(prefix: str, uid: str) -> str:
    """Where the device is announced."""
    return f"{prefix}/device/{slug(uid)}/config"


def birth_topic(prefix: str) -> str:
    """Where Home Assistant says that it listens."""
    return f"{prefix}/status"
