"""One simulated device at a real broker: session, will, status, about, health, events."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from agent import __version__
from agent.core.timestamps import format_time
from agent.signaling.broker import Broker, Will
from agent.signaling.protocol.topics import Topics

_MODELS = ("Raspberry Pi 5 Model B Rev 1.0", "Raspberry Pi 4 Model B Rev 1.4")
_WEAK_MODEL = "Raspberry Pi Zero 2 W Rev 1.0"
_OLD_VERSION = "0.0.9"


class Trait(StrEnum):
    """What is wrong with a device."""

    NONE = "none"
    WEAK_SUPPLY = "weak_supply"
    FLAPPING = "flapping"
    SILENT = "silent"
    WRONG_CLOCK = "wrong_clock"
    WEAK_SIGNAL = "weak_signal"
    FULL_OUTBOX = "full_outbox"


# seconds
WRONG_BY = 5400.0
WILL_DELAY = 5


@dataclass(slots=True)
class VirtualDevice:
    """What it is, and the bodies of what it says. `now` is Unix time in seconds."""

    uid: str
    number: int
    trait: Trait
    topics: Topics
    booted_at: float
    boots: int = 1
    busy: bool = False
    since: float = field(default=0.0)

    @property
    def signal(self) -> float:
        """0 (bad) to 1 (good)."""
        return 0.15 if self.trait is Trait.WEAK_SIGNAL else 0.7 + 0.3 * (self.number * 7 % 10) / 10

    def clock(self, now: float) -> float:
        """What its own clock shows."""
        return now - WRONG_BY if self.trait is Trait.WRONG_CLOCK else now

    def boot(self, now: float) -> None:
        """Its process begins anew."""
        self.boots += 1
        self.booted_at = now

    def will(self, now: float) -> Will:
        return Will(self.topics.status(self.uid), self.status(now, "offline"), delay=WILL_DELAY)

    def say_status(self, broker: Broker, now: float, state: str = "online") -> None:
        broker.publish(self.topics.status(self.uid), self.status(now, state), retain=True)

    def say_about(self, broker: Broker) -> None:
        broker.publish(self.topics.about(self.uid), self.about(), retain=True)

    def say_health(self, broker: Broker, now: float, chance: random.Random) -> None:
        broker.publish(self.topics.health(self.uid), self.health(now, chance), qos=0)

    def say_event(self, broker: Broker, event: str, body: dict[str, Any]) -> None:
        qos = 0 if event.endswith("_stats") else 1
        broker.publish(self.topics.event(self.uid, event), encoded(body), qos=qos)

    def status(self, now: float, state: str = "online") -> bytes:
        return encoded(
            {
                "state": state,
                "busy": self.busy,
                "conversations": int(self.busy),
                "since": format_time(self.clock(self.since or now)),
                "version": self._version(),
                "bootId": f"{self.number:08x}-{self.boots:04x}",
            }
        )

    def about(self) -> bytes:
        weak = self.trait in (Trait.WEAK_SIGNAL, Trait.WEAK_SUPPLY)
        return encoded(
            {
                "uid": self.uid,
                "model": _WEAK_MODEL if weak else _MODELS[self.number % len(_MODELS)],
                "version": self._version(),
                "camera": "picamera2",
                "encoder": "hardware",
                "videoCodecs": ["H264"],
                "maxConversations": 4,
                "architecture": "aarch64",
                "policyHash": f"{self.number % 7:016x}",
                "configHash": f"{self.number % 11:016x}",
                "restarts": self.boots - 1,
            }
        )

    def health(self, now: float, chance: random.Random, waiting: int = 0) -> bytes:
        """`waiting` events are in its outbox."""
        up = now - self.booted_at
        weak_supply = self.trait is Trait.WEAK_SUPPLY
        return encoded(
            {
                "timestamp": format_time(self.clock(now)),
                "temperatureCelsius": round(chance.gauss(71 if weak_supply else 49, 2), 1),
                "throttled": weak_supply,
                "undervoltage": weak_supply,
                "memoryAvailableBytes": chance.randrange(300_000_000, 700_000_000),
                "residentBytes": chance.randrange(60_000_000, 80_000_000),
                "load1": round(chance.uniform(0.1, 0.9), 2),
                "diskFreeBytes": 9_000_000_000,
                "wifi": {"rssiDbm": round(-88 + 45 * self.signal), "linkMbps": 72.2},
                "uptimeSeconds": round(up + 40, 1),
                "processUptimeSeconds": round(up, 1),
                "restarts": self.boots - 1,
                "crashes": 0,
                "clockSynchronized": self.trait is not Trait.WRONG_CLOCK,
                "outboxWaiting": 140 if self.trait is Trait.FULL_OUTBOX else waiting,
                "faults": [],
            }
        )

    def _version(self) -> str:
        return _OLD_VERSION if self.number % 4 == 3 else __version__


def encoded(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
