"""Liveness: whether anything still comes from the remote peer, and when a silent one is given up.

- *Vanished.* A peer that sends no packet, and says nothing to an offer that the broker has, is not
  waited for: `vanished` seconds after its last packet the call ends. Where the broker does not take
  our offer the silence may be ours, and it is `ice_timeout` seconds.
- *Path lost.* A peer that still speaks (answers our offers, makes its own) is there, and only the
  path is not: `ice_timeout` seconds from its last word, and never longer than `hold` from the last
  packet.
- *Left.* Closing DTLS is a last word: if neither a `close` nor a fresh offer has come `goodbye`
  seconds later, the remote peer has hung up.

Each deadline counts from the silence, not from an attempt: renewing for ever keeps no call.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agent.core.call.machine import Refused, Timing, Transitions, follow


class LivenessState(StrEnum):
    """What was last noticed of the remote peer's packets."""

    # packets arrive
    HEARD = "heard"
    # nothing has come for a while; the transport is still there
    SILENT = "silent"
    # the transport is gone: consent expired
    LOST = "lost"
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
    _E.TRANSPORT_LOST: _S.LOST,
    _E.TRANSPORT_CLOSED: _S.LEFT,
    _E.RENEWED: _S.HEARD,
    _E.GIVEN_UP: _S.VANISHED,
}
TRANSITIONS: Transitions[LivenessState, LivenessEvent] = {
    _S.HEARD: {
        _E.NOTHING_RECEIVED: _S.SILENT,
        _E.TRANSPORT_LOST: _S.LOST,
        _E.TRANSPORT_CLOSED: _S.LEFT,
        _E.RENEWED: _S.HEARD,
    },
    _S.SILENT: _UNHEARD,
    _S.LOST: _UNHEARD,
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
    # when the broker first had an offer of ours, in this silence
    offer_delivered_at: float | None = None
    # when the remote peer closed the transport that carries the media
    left_at: float | None = None
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

    def deliver_offer(self, now: float) -> None:
        """The broker has our offer: if the remote peer is there, it hears it."""
        if self.offer_delivered_at is not None:
            raise Refused("an earlier offer was delivered")
        self.offer_delivered_at = now

    def give_up_at(self, timing: Timing, *, renewal_shared: bool) -> float | None:
        """When the call ends if nothing comes; None while something does. `renewal_shared`: the
        remote peer takes part in a fresh transport.
        """
        silent, spoke = self.silent_since, self.spoke_at
        if silent is None:
            return None
        if self.left_at is not None and not renewal_shared:
            return self.left_at + timing.goodbye
        if spoke is not None and spoke > silent:
            return min(spoke + timing.ice_timeout, silent + timing.hold)
        if self.offer_delivered_at is None:
            return silent + timing.ice_timeout
        return max(silent + timing.vanished, self.offer_delivered_at + timing.answer)

    def _degrade(self, since: float) -> bool:
        if self.silent_since is None:
            self.silent_since = since
        told, self.degraded = self.degraded, True
        return not told

    def _restore(self) -> bool:
        self.silent_since = self.left_at = self.offer_delivered_at = None
        told, self.degraded = self.degraded, False
        return told
