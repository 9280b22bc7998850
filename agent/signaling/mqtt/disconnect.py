"""Why there is no connection to the broker, in words for people, with what to do about it; and
whether it is worth trying again soon.
"""

from __future__ import annotations

import errno
import math
import socket
import ssl
from dataclasses import dataclass

from paho.mqtt.reasoncodes import ReasonCode

from agent.errors import SignalingError
from agent.signaling.mqtt.broker_advice import RULES, advice_on_error, advice_on_reason
from agent.tls import advice_on, tls_fault

SILENT = "the broker has fallen silent"
KEEP_ALIVE_TIMEOUT = 141  # reason code
UNSUPPORTED_VERSION = 132
NOT_AUTHORIZED = 135
_TAKEN_OVER = 142
# Reason codes of CONNACK and DISCONNECT where trying again soon cannot help, or makes it worse
# (MQTT 5, 2.4): version, client id, password, permission, busy, ban, authentication method, will
# refused, size, quota, moved, rate.
_SLOW_REASONS = frozenset(
    {132, 133, 134, 135, 137, 138, 140, 144, 149, 151, 153, 154, 155, 156, 157, 159}
)
# Reason codes of DISCONNECT by which a broker may mean the last packet (MQTT 5, 4.13):
# unspecified, malformed, protocol error, implementation, permission, topic filter, topic, size,
# quota, payload, retain, QoS.
_CUT_REASONS = frozenset({128, 129, 130, 131, 135, 143, 144, 149, 151, 153, 154, 155})
# seconds within which a second loss to the same client id is no accident
_RIVALRY = 600.0
# So many ends that may be for what was said last are looked into at full speed; seconds until they
# are forgotten.
_PATIENCE = 40
_FORGIVEN = 60.0


@dataclass(frozen=True, slots=True)
class DisconnectReason:
    """Why there is no connection, and what to do. `slow`: to try again soon cannot help. `cut`: the
    broker has ended it, maybe for what was published last. `clock`: it may be right once our clock
    is. `rival`: another client has taken our name, and not by accident. `code` is MQTT's, of a
    CONNACK.
    """

    reason: str
    slow: bool = False
    cut: bool = False
    advice: str = ""
    clock: bool = False
    rival: bool = False
    code: int | None = None

    @classmethod
    def of(cls, error: SignalingError | OSError) -> DisconnectReason:
        """Of what was raised while connecting: our own files, TLS, the network."""
        if isinstance(error, SignalingError):
            return cls(str(error), slow=True)
        if isinstance(error, ssl.SSLError):
            fault = tls_fault(error)
            # a clock that is set later makes good what was too early, or too late
            return cls(
                f"TLS: {fault.text}", slow=not fault.clock, advice=fault.advice, clock=fault.clock
            )
        reason = error.strerror or str(error) or type(error).__name__
        return cls(reason, advice=advice_on_error(_kind(error)))

    @classmethod
    def refused(cls, reason: ReasonCode) -> DisconnectReason:
        return cls(
            f"refused: {reason}",
            slow=reason.value in _SLOW_REASONS,
            advice=advice_on_reason(reason.value),
            code=reason.value,
        )

    @classmethod
    def closed(cls, reason: str, *, cut: bool, taken: bool, tls: bool = False) -> DisconnectReason:
        """The connection is over, and nobody has said why. `cut`: the far side has closed it;
        `taken`: it had taken our CONNECT; `tls`: through TLS.
        """
        # TLS 1.3 tells of a refused certificate only after the handshake
        if not taken and "ssl" in reason.lower():
            return cls(reason, slow=True, advice=advice_on(reason))
        kind = "hung up in TLS" if tls else "hung up"
        return cls(reason, cut=cut, advice="" if taken else advice_on_error(kind))


def _kind(error: OSError) -> str:
    """What `broker_advice` knows it by."""
    if isinstance(error, socket.gaierror):
        return "name"
    if isinstance(error, TimeoutError):
        return "timeout"
    return errno.errorcode.get(error.errno or 0, "")


class DisconnectReasons:
    """What the broker's own DISCONNECT means, on one connection after the other."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id
        self._taken_over_at = -math.inf
        self._cuts = 0
        self._cut_at = -math.inf

    def of(self, reason: ReasonCode, now: float) -> DisconnectReason:
        """`now` in seconds, on any clock that does not jump."""
        if reason.value != _TAKEN_OVER:
            cut = reason.value in _CUT_REASONS
            return DisconnectReason(
                f"ended by the broker: {reason}",
                slow=reason.value in _SLOW_REASONS and not (cut and self._is_patient(now)),
                cut=cut,
                # it had taken our login
                advice=RULES if reason.value == NOT_AUTHORIZED else advice_on_reason(reason.value),
            )
        # Once, it may have been a connection of our own that the broker, frozen at the time, came
        # to late.
        again, self._taken_over_at = now - self._taken_over_at < _RIVALRY, now
        return DisconnectReason(
            f"another client took over the client id {self._client_id}; are there two devices "
            f"of one uid, or two collectors of one client_id?",
            slow=again,
            rival=again,
            advice=advice_on_error("rival"),
        )

    def _is_patient(self, now: float) -> bool:
        """Whether it is still being found out for which message the broker ends connections."""
        self._cuts = self._cuts + 1 if now - self._cut_at < _FORGIVEN else 1
        self._cut_at = now
        return self._cuts <= _PATIENCE
