"""Why there is no connection to the broker, in words for the log, and whether it is worth trying
again soon.
"""

from __future__ import annotations

import math
import ssl
from dataclasses import dataclass

from paho.mqtt.reasoncodes import ReasonCode

from agent.errors import SignalingError

SILENT = "the broker has fallen silent"
KEEP_ALIVE_TIMEOUT = 141  # reason code
_TAKEN_OVER = 142
# Reason codes of CONNACK and DISCONNECT where trying again soon cannot help, or makes it worse
# (MQTT 5, 2.4): version, client id, password, permission, busy, ban, authentication method, will
# refused, size, quota, moved, rate.
_SLOW_REASONS = frozenset(
    {132, 133, 134, 135, 137, 138, 140, 144, 149, 151, 153, 154, 155, 157, 159}
)
# Reason codes of DISCONNECT by which a broker may mean the last PUBLISH (MQTT 5, 4.13):
# unspecified, malformed, protocol error, implementation, permission, topic, size, quota, payload,
# retain, QoS.
_CUT_REASONS = frozenset({128, 129, 130, 131, 135, 144, 149, 151, 153, 154, 155})
# seconds within which a second loss to the same client id is no accident
_RIVALRY = 600.0


@dataclass(frozen=True, slots=True)
class DisconnectReason:
    """Why there is no connection. `slow`: to try again soon cannot help. `cut`: the broker has
    ended it, maybe for what was published last.
    """

    reason: str
    slow: bool = False
    cut: bool = False

    @classmethod
    def of(cls, error: SignalingError | OSError) -> DisconnectReason:
        """Of what was raised while connecting: our own files, TLS, the network."""
        if isinstance(error, SignalingError):
            return cls(str(error), slow=True)
        if isinstance(error, ssl.SSLError):
            return cls(
                f"TLS: {getattr(error, 'verify_message', '') or error.reason or error}", slow=True
            )
        return cls(error.strerror or str(error) or type(error).__name__)

    @classmethod
    def refused(cls, reason: ReasonCode) -> DisconnectReason:
        return cls(f"refused: {reason}", slow=reason.value in _SLOW_REASONS)


class DisconnectReasons:
    """What the broker's own DISCONNECT means, on one connection after the other."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id
        self._taken_over_at = -math.inf

    def of(self, reason: ReasonCode, now: float) -> DisconnectReason:
        """`now` in seconds, on any clock that does not jump."""
        if reason.value != _TAKEN_OVER:
            return DisconnectReason(
                f"ended by the broker: {reason}",
                slow=reason.value in _SLOW_REASONS,
                cut=reason.value in _CUT_REASONS,
            )
        # Once, it may have been a connection of our own that the broker, frozen at the time, came
        # to late.
        again, self._taken_over_at = now - self._taken_over_at < _RIVALRY, now
        return DisconnectReason(
            f"another client took over the client id {self._client_id}; are there two devices "
            f"of one uid?",
            slow=again,
        )
