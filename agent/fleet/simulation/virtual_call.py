"""A call between two simulated devices: what either of them says of it, and when. Pure."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agent.core.timestamps import format_time

# how often a call ends so: weight, reason, status (none before an answer), closed by the caller,
# connected
_OUTCOMES = (
    (70, "user_hangup", "ACCEPTED", True, True),
    (4, "max_duration", "ACCEPTED", False, True),
    (4, "media_timeout", "ACCEPTED", False, True),
    (6, "rejected", "REJECTED", False, False),
    (4, "user_busy", "BUSY", False, False),
    (6, "invite_timeout", "TIMEOUT", True, False),
    (2, "cancelled", "", True, False),
    (4, "ice_failed", "ACCEPTED", False, False),
)
# seconds between two reports of statistics
STATISTICS_INTERVAL = 2.0


@dataclass(frozen=True, slots=True)
class Said:
    """What one device says `after` so many seconds since the invitation."""

    after: float
    device: str
    event: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class VirtualCall:
    """How it goes, decided beforehand. Spans in seconds, `signal` 0 (bad) to 1 (good)."""

    caller: str
    callee: str
    conversation: str
    reason: str
    status: str
    closed_by_caller: bool
    answered_after: float
    connected_after: float | None
    duration: float
    relayed: bool
    signal: float
    seed: int

    @classmethod
    def plan(
        cls,
        caller: str,
        callee: str,
        chance: random.Random,
        signal: float,
        *,
        shortest: float = 6,
        longest: float = 40,
    ) -> VirtualCall:
        """`shortest` and `longest` are what a call that is connected takes, in seconds."""
        weights = [each[0] for each in _OUTCOMES]
        _, reason, status, by_caller, connects = chance.choices(_OUTCOMES, weights)[0]
        answered = 0.03 + chance.lognormvariate(-2.6, 0.6)
        # whoever is asked first, and whoever nobody answers
        if status == "TIMEOUT":
            answered = chance.uniform(8, 12)
        connected = answered + chance.lognormvariate(-1.1, 0.5) * (1.8 - signal)
        return cls(
            caller=caller,
            callee=callee,
            conversation=str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            reason=reason,
            status=status,
            closed_by_caller=by_caller,
            answered_after=round(answered, 4),
            connected_after=round(connected, 4) if connects else None,
            duration=round(chance.uniform(shortest, longest), 3) if connects else 0.0,
            relayed=chance.random() < 0.14,
            signal=signal,
            seed=chance.getrandbits(32),
        )

    @property
    def ends_after(self) -> float:
        """Seconds from the invitation to the end."""
        if self.connected_after is None:
            return self.answered_after + (6.0 if self.reason == "ice_failed" else 0.0)
        return self.connected_after + self.duration

    def said(self, begun: float, *, statistics: bool = True) -> Iterator[Said]:
        """All that both say, in no order. `begun` is the invitation's, Unix time in seconds."""
        chance = random.Random(self.seed)  # noqa: S311 - plausible values
        for device, other, direction in (
            (self.callee, self.caller, "incoming"),
            (self.caller, self.callee, "outgoing"),
        ):
            common = {
                "device": device,
                "conversation": self.conversation,
                "remoteUid": other,
                "direction": direction,
            }
            if direction == "incoming" and self.status:
                answer = {"callStatus": self.status}
                answer |= {} if self.status == "ACCEPTED" else {"reason": self.reason}
                yield self._event(self.answered_after, device, "response", common | answer, begun)
            record = self._record(begun, direction, chance)
            yield self._event(self.ends_after, device, "closed", common | record, begun)
            if statistics and self.connected_after is not None:
                for each in self._statistics(chance):
                    after, event, body = each
                    yield self._event(after, device, event, common | body, begun)

    def _event(
        self, after: float, device: str, event: str, body: dict[str, Any], begun: float
    ) -> Said:
        name = f"{self.conversation}/{device}/{event}/{after}"
        head = {
            "event": event,
            "eventId": str(uuid.uuid5(uuid.NAMESPACE_OID, name)),
            "timestamp": format_time(begun + after),
        }
        return Said(after, device, event, head | body)

    def _record(self, begun: float, direction: str, chance: random.Random) -> dict[str, Any]:
        by_us = self.closed_by_caller == (direction == "outgoing")
        setup = {"response": round(self.answered_after * 1000, 1)}
        record: dict[str, Any] = {
            "reason": self.reason,
            "closedBy": "local" if by_us else "remote",
            "invitedAt": format_time(begun),
            "endedAt": format_time(begun + self.ends_after),
            "duration": self.duration,
            "setup": setup,
            "reconnects": 0,
        }
        if self.status:
            record["callStatus"] = self.status
            record["answeredAt"] = format_time(begun + self.answered_after)
        if self.connected_after is None:
            return record
        gap = self.connected_after - self.answered_after
        setup["ice"] = round((self.answered_after + gap * 0.6) * 1000, 1)
        setup["dtls"] = round(self.connected_after * 1000, 1)
        setup["firstFrame"] = round((self.connected_after + 0.05 + gap * 0.3) * 1000, 1)
        return (
            record
            | {
                "connectedAt": format_time(begun + self.connected_after),
                "path": {
                    "local": "relay" if self.relayed else "host",
                    "remote": "host",
                    "protocol": "udp",
                    "relayed": self.relayed,
                },
            }
            | self._quality(chance)
        )

    def _quality(self, chance: random.Random) -> dict[str, Any]:
        sent = round(self.duration * 140)
        bad = 1 - self.signal
        freezes = min(12, int(chance.expovariate(1 / (0.05 + 3 * bad * bad))))
        mos = min(4.4, max(1.2, 4.35 - 2.2 * bad - chance.expovariate(6)))
        return {
            "reconnects": int(chance.random() < 0.15 * bad),
            "video": {
                "codec": "H264",
                "frameWidth": 1280,
                "frameHeight": 720,
                "framesSent": round(self.duration * 25),
                "bytesSent": sent * 1050,
                "packetsSent": sent,
                "remotePacketsLost": round(sent * chance.expovariate(1 / (0.0005 + 0.05 * bad**2))),
                "freezeCount": freezes,
                "totalFreezesDuration": round(freezes * chance.uniform(0.2, 0.7), 3),
                "meanRoundTripTime": round(
                    chance.lognormvariate(-4.4 + 2 * bad, 0.5) + 0.04 * self.relayed, 4
                ),
                "meanBitrateSent": round(1_600_000 * (0.4 + 0.6 * self.signal)),
            },
            "quality": {"mos": round(mos, 2), "model": "estimate"},
        }

    def _statistics(self, chance: random.Random) -> Iterator[tuple[float, str, dict[str, Any]]]:
        bitrate, lost = 500_000.0, 0
        after = (self.connected_after or 0.0) + STATISTICS_INTERVAL
        while after < self.ends_after:
            bad = 1 - self.signal
            dip = chance.random() < 0.25 * bad
            goal = 1_800_000 * (0.35 + 0.65 * self.signal) * (0.4 if dip else 1.0)
            bitrate += (goal - bitrate) * 0.5
            fraction = round(chance.expovariate(1 / (0.001 + (0.08 if dip else 0.01) * bad)), 4)
            lost += round(fraction * 280)
            trip = round(chance.lognormvariate(-4.4 + 2 * bad, 0.25) * (2.5 if dip else 1), 4)
            rate = round(25 - 8 * dip * chance.random(), 1)
            size = {"frameWidth": 1280, "frameHeight": 720, "framesPerSecond": rate}
            path = {"currentRoundTripTime": trip, "relayed": self.relayed}
            video = size | {"bitrate": round(bitrate * chance.uniform(0.92, 1.08))}
            yield after, "local_stats", {"video": video, "transport": path}
            video = size | {
                "bitrate": round(bitrate * chance.uniform(0.9, 1.05)),
                "packetsLost": lost,
                "fractionLost": min(1.0, fraction),
                "roundTripTime": trip,
            }
            yield after, "remote_stats", {"video": video, "transport": path}
            after += STATISTICS_INTERVAL
