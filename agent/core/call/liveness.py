"""Liveness: whether anything still comes from the remote peer, and when a silent one is given up.

- *Lost, not over* (PROTOCOL 3). `lost` seconds after the last packet nothing is sent into the call
  any more and its line counts as free. It keeps its place until `hold` seconds after that packet:
  the remote peer may be in a tunnel, or its router restarts.
- *Left.* Closing DTLS is a last word: if neither a `close` nor a fresh offer has come `goodbye`
  seconds later, the remote peer has hung up.

Each deadline counts from the silence, not from an attempt: renewing for ever keeps no call.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agent.core.call.machine import Timing, Transitions, follow


class LivenessState(StrEnum):
    """What was last noticed of the remote peer's packets."""

    # packets arrive
    HEARD = "heard"
    # nothing has come for a while; the transport is still there
    SILENT = "silent"
    # the transport is gone: consent expired
    GONE = "gone"
    # the remote peer closed the transport
    LEFT = "left"
    # given up
    VANISHED = "vanished"


class LivenessEvent(StrEnum):
    """What changes that."""

    NOTHING_RECEIVED = "nothing received"
    PACKET_RECEIVED = "packet received"
    TRANSPORT_LOST = "transport lost"
    TRANSPORT_CLOSED = "transport closed"
    # a fresh transport carries the media
    RENEWED = "renewed"
    GIVEN_UP = "given up"


_S, _E = LivenessState, LivenessEvent
# while nothing arrives, over a transport that the remote peer has not closed
_UNHEARD = {
    _E.PACKET_RECEIVED: _S.HEARD,
    _E.TRANSPORT_LOST: _S.GONE,
    _E.TRANSPORT_CLOSED: _S.LEFT,
    _E.RENEWED: _S.HEARD,
    _E.GIVEN_UP: _S.VANISHED,
}
TRANSITIONS: Transitions[LivenessState, LivenessEvent] = {
    _S.HEARD: {
        _E.NOTHING_RECEIVED: _S.SILENT,
        _E.TRANSPORT_LOST: _S.GONE,
        _E.TRANSPORT_CLOSED: _S.LEFT,
        _E.RENEWED: _S.HEARD,
    },
    _S.SILENT: _UNHEARD,
    _S.GONE: _UNHEARD,
    _S.LEFT: {_E.RENEWED: _S.HEARD, _E.GIVEN_UP: _S.VANISHED},
    _S.VANISHED: {},
}


@dataclass(slots=True)
class Liveness:
    """Of one call, once it is established. Times are those of the call's clock, in seconds."""

    state: LivenessState = LivenessState.HEARD
    # when the last packet came, once nothing has come for a while
    silent_since: float | None = None
    # when the remote peer last said something by way of signaling
    spoke_at: float | None = None
    # when the remote peer closed the transport that carries the media
    left_at: float | None = None
    # when the call was lost, the last time; kept when it lives again
    lost_at: float | None = None
    # whether the application was told that nothing arrives
    degraded: bool = False

    @property
    def left(self) -> bool:
        return self.state is LivenessState.LEFT

    def fall_silent(self, since: float) -> bool:
        """Nothing has come since then. Returns whether the application is to be told."""
        self.state = follow(TRANSITIONS, self.state, _E.NOTHING_RECEIVED)
        return self._degrade(since)

    def lose_transport(self, now: float) -> bool:
        """Its transport is gone. Returns whether the application is to be told."""
        self.state = follow(TRANSITIONS, self.state, _E.TRANSPORT_LOST)
        return self._degrade(now)

    def leave(self, now: float) -> None:
        """It closed the transport; the application is told of its end alone."""
        self.state = follow(TRANSITIONS, self.state, _E.TRANSPORT_CLOSED)
        self.left_at = now
        if self.silent_since is None:
            self.silent_since = now

    def hear(self) -> bool:
        """A packet came. Returns whether the application is to be told."""
        self.state = follow(TRANSITIONS, self.state, _E.PACKET_RECEIVED)
        return self._restore()

    def renew(self) -> bool:
        """A fresh transport carries the media. Returns whether the application is to be told."""
        self.state = follow(TRANSITIONS, self.state, _E.RENEWED)
        return self._restore()

    def give_up(self) -> None:
        self.state = follow(TRANSITIONS, self.state, _E.GIVEN_UP)

    def lose_at(self, timing: Timing) -> float | None:
        """When the call is lost if nothing comes; None while something does."""
        return None if self.silent_since is None else self.silent_since + timing.lost

    def give_up_at(self, timing: Timing, *, renewal_shared: bool) -> float | None:
        """When the call ends if nothing comes; None while something does. `renewal_shared`: the
        remote peer takes part in a fresh transport.
        """
        if self.silent_since is None:
            return None
        if self.left_at is not None and not renewal_shared:
            return self.left_at + timing.goodbye
        return self.silent_since + timing.hold

    def _degrade(self, since: float) -> bool:
        if self.silent_since is None:
            self.silent_since = since
        told, self.degraded = self.degraded, True
        return not told

    def _restore(self) -> bool:
        self.silent_since = self.left_at = None
        told, self.degraded = self.degraded, False
        return told
