"""Whole MQTT messages of strangers: topic, payload, QoS, retain flag and properties. Only what a
broker passes on.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from agent.signaling.protocol.json_limits import MAX_PAYLOAD
from agent.signaling.protocol.messages import format_time
from tests.faults.fuzz import mutations

DEVICE = "door-1"
SENDERS = tuple(f"stranger-{number}" for number in range(40))
PROPERTIES: tuple[dict[str, Any], ...] = (
    {},
    {},
    {},
    {"MessageExpiryInterval": 0},
    {"MessageExpiryInterval": 2**32 - 1},
    {"ContentType": "application/json"},
    {"PayloadFormatIndicator": 0},
    {"UserProperty": [("a", "b")] * 50},
    {"ResponseTopic": "bench/elsewhere", "CorrelationData": b"\x00\xff" * 500},
    {"ResponseTopic": "bench/elsewhere", "CorrelationData": b"x" * 40_000},
    {"ResponseTopic": "callbox/v1/door-1/status"},
    {"ResponseTopic": "callbox/v1/door-1/signal/stranger-0"},
    {"ResponseTopic": "x" * 300},
    {"CorrelationData": b""},
)


@dataclass(frozen=True, slots=True)
class Packet:
    """`topic` is the one below the prefix."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: dict[str, Any] = field(default_factory=dict)


def packet(random: Random) -> Packet:
    """The next message of a flood."""
    topic, payload = random.choice(_KINDS)(random)
    return Packet(
        topic,
        payload,
        qos=random.choice((0, 0, 1)),
        retain=random.random() < 0.02,
        properties=random.choice(PROPERTIES) if random.random() < 0.3 else {},
    )


def _signal(random: Random) -> tuple[str, bytes]:
    return f"{DEVICE}/signal/{random.choice(SENDERS)}", mutations.message(random)


def _command(random: Random) -> tuple[str, bytes]:
    verb, payload = mutations.command(random)
    return f"{DEVICE}/command/{verb or 'x'}", payload


def _invitation(random: Random) -> tuple[str, bytes]:
    """Whole but for its description."""
    sdp = mutations.description(random)[: 40 * 1024]
    message: dict[str, Any] = {
        "type": "invite",
        "conversation": str(uuid.UUID(int=random.getrandbits(128))),
        "party": "fuzz",
    }
    message |= {
        "sdp": sdp,
        "sentAt": format_time(time.time()),
        "lifetime": random.choice((1, 5, 30)),
    }
    return f"{DEVICE}/signal/{random.choice(SENDERS)}", json.dumps(message).encode(
        "utf-8", "replace"
    )


def _oversized(random: Random) -> tuple[str, bytes]:
    size = MAX_PAYLOAD + random.choice((-1, 0, 1, 2000, 5000, 100_000))
    return f"{DEVICE}/signal/{random.choice(SENDERS)}", random.choice(
        (b"[", b'{"a":"', b" ", b"\xff")
    ) * (size // 6)


def _elsewhere(random: Random) -> tuple[str, bytes]:
    """Some other topic under the prefix, as far as a broker takes it."""
    levels = mutations.topic(random).split("/")[2:] or ["x"]
    topic = "/".join(levels)[:200]
    usable = topic and topic.isprintable() and not set(topic) & {"+", "#"}
    return topic if usable else f"{DEVICE}/signal", mutations.message(random)


_KINDS: tuple[Callable[[Random], tuple[str, bytes]], ...] = (
    *[_signal] * 12,
    *[_command] * 4,
    *[_invitation] * 2,
    _elsewhere,
    *[
        lambda random: (
            f"{DEVICE}/signal/{random.choice(SENDERS)}",
            random.randbytes(random.randrange(200)),
        )
    ]
    * 1,
    _oversized,
)
