"""Who may do what at the broker (PROTOCOL 1): the roles around one device, as data.

`callbox acl BROKER` writes them down for a broker (`acl_formats`). Everything that is not granted
is denied.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agent.homeassistant.features import birth_topic, config_topic
from agent.signaling.protocol.topics import Topics

# stands for the user name of whoever is connected
USER = "{user}"

# what a device says of itself, below its own uid
STATE = ("status", "about", "health", "call", "snapshot", "settings", "output/+")
# what a collector reads: every event but `called`, which holds what a caller sent along
COLLECTED = (
    "response",
    "stream_received",
    "local_stats",
    "remote_stats",
    "error",
    "closed",
    "ring",
    "missed",
    "output",
    "command_result",
)


class BrokerKind(StrEnum):
    """Whose rules can be written."""

    MOSQUITTO = "mosquitto"
    EMQX = "emqx"
    HIVEMQ = "hivemq"
    RABBITMQ = "rabbitmq"
    NANOMQ = "nanomq"


@dataclass(frozen=True, slots=True)
class Role:
    """`user` None: whoever has logged in. `write` are topics, `read` filters."""

    title: str
    user: str | None
    write: tuple[str, ...] = ()
    read: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Around:
    """One device and the user names of those around it. `username` is the device's own."""

    uid: str
    username: str
    prefix: str = "callbox/v1"
    household: str = "household"
    home_assistant: str = "homeassistant"
    collector: str = "collector"
    discovery: str = "homeassistant"


def roles(around: Around) -> tuple[Role, ...]:
    """Everybody who has something to do with the device."""
    topics = Topics(around.prefix)
    own, anyone = f"{topics.prefix}/{around.uid}", f"{topics.prefix}/+"
    known = (topics.every("status"), topics.every("about"))
    rest = tuple(f"{own}/{each}" for each in (*STATE, "events/+", "reply/#"))
    household = Role(
        "the household: sees the device, and operates it",
        around.household,
        write=(f"{own}/command/+",),
        read=rest,
    )
    return (
        Role(
            "callers: signals under their own name, and which devices there are",
            None,
            write=(f"{anyone}/signal/{USER}",),
            read=(f"{topics.prefix}/{USER}/signal/+", *known),
        ),
        _device(around, topics, rest),
        household,
        Role(
            "Home Assistant: as the household, with its own discovery",
            around.home_assistant,
            write=(*household.write, f"{around.discovery}/#"),
            read=(*household.read, f"{around.discovery}/#"),
        ),
        Role(
            "a collector: telemetry of every device, and no pictures",
            around.collector,
            read=(
                *known,
                topics.every("health"),
                *(f"{anyone}/events/{event}" for event in COLLECTED),
            ),
        ),
    )


def _device(around: Around, topics: Topics, own: tuple[str, ...]) -> Role:
    """In Home Assistant it may announce itself, and nothing else."""
    uid, discovery = around.uid, around.discovery
    return Role(
        f"the device {uid}",
        around.username,
        write=(*own, f"{topics.prefix}/+/signal/{uid}", config_topic(discovery, uid)),
        read=(
            topics.signals_for(uid),
            topics.commands_for(uid),
            topics.status(uid),
            birth_topic(discovery),
        ),
    )
