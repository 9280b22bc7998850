"""A fresh transport for the same conversation (PROTOCOL 2, `offer` / `answer`), and when the far
side is given up.

- *Silence.* Nothing has come for three seconds, the adapter says: the call is LOST, the
  application hears `degraded`, and a fresh transport is offered, by whichever side notices;
  another one every `retry` seconds until something arrives. The silent transport stays: media and
  connectivity checks go on over it, so a path that only had a hole works again at once, whatever
  becomes of the fresh ones.
- *Whatever works first.* A packet over the old transport, or the fresh one being connected,
  restores the call. Media moves only to a transport that is connected, and the old one goes only
  then. A fresh one that connects after the old one has come back takes over as well, as the far
  side may have moved already.
- *Our network changed.* A fresh transport at once, silent or not; what was in the making has the
  old addresses, and is replaced. It counts as a word of the far side: the silence is ours.
- *Before there is an answer* no fresh transport can be offered (PROTOCOL 2). Where our network
  changes once the first one is in the making, a fresh one follows the acceptance at once; where
  none is yet, it will have the new addresses.
- *While the first one connects* a fresh one may be offered beside it, from either side. The first
  to be connected establishes the call, and none of them puts its deadline off. A far side that
  does not answer is as if nobody had asked: its candidates go on to the first.
- *Giving up.* Who sends no packet, and says nothing to an offer that the broker has, has vanished
  and is not waited for: `vanished` seconds after its last packet the call ends. Where the broker
  does not take our offer the silence may be ours, and it is `ice_timeout` seconds. Who still
  speaks (answers our offers, makes its own) is there, and only the path is not: `ice_timeout`
  seconds from its last word, and never longer than `hold` from the last packet. The reason is
  `ice_timeout`.
- *Last words.* Closing DTLS is one: if neither a `close` nor a fresh offer has come `goodbye`
  seconds later, the far side has hung up.

Each deadline counts from the silence, not from the attempt: renewing for ever keeps no call.
"""

from __future__ import annotations

from agent.core.call import events as ev
from agent.core.call.machine import Call, Refused, Renewal, State
from agent.core.call.reasons import CloseReason, Direction, Side


class RenewingCall(Call):
    """The rows for silence, loss, and the transports that come after the first."""

    # -- rows: silence -----------------------------------------------------------------------------

    def _silent(self, event: ev.PeerSilent, now: float) -> tuple[State, list[ev.Effect]]:
        self.must_carry(event.generation)
        self._fall_silent(now - event.seconds)
        return State.LOST, [*self._degrade("silence"), *self._offer_anew(now)]

    def _heard(self, event: ev.PeerHeard, now: float) -> tuple[State, list[ev.Effect]]:
        """The old transport works again. A fresh one in the making goes on: the far side may be
        about to move to it.
        """
        self.must_carry(event.generation)
        if self._left_at is not None:
            raise Refused(f"transport {event.generation} was closed by the far side")
        return State.ESTABLISHED, self._restore(now)

    def _lost(self, event: ev.PeerLost, now: float) -> tuple[State, list[ev.Effect]]:
        self.must_carry(event.generation)
        if self._left_at is not None:
            raise Refused(f"transport {event.generation} is gone")
        self._fall_silent(now)
        if event.closed:
            self._left_at = now
            return State.LOST, []
        return State.LOST, [*self._degrade("lost"), *self._offer_anew(now)]

    def must_carry(self, generation: int) -> None:
        if generation != self._current:
            raise Refused(f"transport {generation} does not carry the media")

    def _fall_silent(self, since: float) -> None:
        if self._silent_since is None:
            self._silent_since = since
        self._media_until = None

    def _degrade(self, cause: str) -> list[ev.Effect]:
        if self._degraded:
            return []
        self._degraded = True
        return [ev.Degraded(cause)]

    def _restore(self, now: float) -> list[ev.Effect]:
        self._silent_since = self._left_at = self._retry_at = self._delivered_at = None
        if self._expects_media and self._media_until is None:
            self._media_until = now + self.timing.media
        told, self._degraded = self._degraded, False
        return [ev.Restored(self._current)] if told else []

    # -- rows: a fresh transport -------------------------------------------------------------------

    def _renew(self, _event: ev.RenewRequested, now: float) -> tuple[State, list[ev.Effect]]:
        if not self._may_renew:
            raise Refused(f"more than {self.timing.max_renewals} renewals")
        # what it offers in its place is all there is: it goes on
        if self._left_at is not None:
            raise Refused(f"the far side has left transport {self._current}")
        self._word_at = now
        return self.state, self._make_anew(now)

    def _moved_early(self, _event: ev.RenewRequested, _now: float) -> tuple[State, list[ev.Effect]]:
        """Nobody has accepted yet: what the first transport has of our addresses is made up for
        when somebody has.
        """
        self._moved = True
        return self.state, []

    def catch_up(self, now: float) -> list[ev.Effect]:
        """To be done at the acceptance: a fresh transport, if our network has changed since the
        first was begun.
        """
        moved, self._moved = self._moved, False
        return self._make_anew(now) if moved else []

    def _offered(self, event: ev.OfferReceived, now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_far_side(event)
        known = max(self._current, self._newest_of_theirs)
        if event.generation <= known:
            raise Refused(f"generation {event.generation} is not newer than {known}")
        if self._renewal and event.generation <= self._renewal.generation:
            ours, wins = self._renewal.offered_by_us, self.direction == Direction.OUTGOING
            if not ours or wins:
                raise Refused(f"generation {self._renewal.generation} is under way")
        if event.generation > self.timing.max_renewals:
            raise Refused(f"more than {self.timing.max_renewals} renewals")
        self._word_at = now
        self._newest_of_theirs = event.generation
        return self.state, [
            *self._drop_renewal(),
            self._begin_renewal(event.generation, now, offer=event.sdp),
        ]

    def _description(
        self, event: ev.DescriptionReady, _now: float
    ) -> tuple[State, list[ev.Effect]]:
        renewal = self._renewal
        if renewal is None or event.generation != renewal.generation:
            raise Refused(f"no description of generation {event.generation} is awaited")
        if renewal.offered_by_us:
            return self.state, [ev.SendOffer(event.generation, event.sdp)]
        return self.state, [ev.SendAnswer(event.generation, event.sdp)]

    def _delivered(self, event: ev.OfferDelivered, now: float) -> tuple[State, list[ev.Effect]]:
        if self._delivered_at is not None:
            raise Refused("an earlier offer was delivered")
        if self._renewal is None or event.generation != self._renewal.generation:
            raise Refused(f"the offer of transport {event.generation} is over")
        self._delivered_at = now
        return self.state, []

    def _answered(self, event: ev.AnswerReceived, now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_far_side(event)
        renewal = self._renewal
        if (
            renewal is None
            or not renewal.offered_by_us
            or event.generation != renewal.generation
            or renewal.answered
        ):
            raise Refused(f"no answer of generation {event.generation} is awaited")
        renewal.answered = True
        self._word_at = now
        return self.state, [ev.ApplyAnswer(event.generation, event.sdp)]

    def _renewed(self, event: ev.PeerConnected, now: float) -> tuple[State, list[ev.Effect]]:
        """The fresh transport is connected: it takes the media over, the old one goes."""
        if self._renewal is None or event.generation != self._renewal.generation:
            raise Refused(f"transport {event.generation} is not awaited")
        self.reconnects += 1
        return State.ESTABLISHED, [*self._take_over(event.generation), *self._restore(now)]

    def _renewal_failed(self, event: ev.PeerFailed, now: float) -> tuple[State, list[ev.Effect]]:
        """It leaves the old transport, and the next attempt comes at its time."""
        if self._retry_at is not None:
            self._retry_at = min(self._retry_at, now + self.timing.retry)
        return self.state, [ev.ErrorRaised(event.code, event.message), *self._drop_renewal()]

    # -- attempts ----------------------------------------------------------------------------------

    @property
    def _may_renew(self) -> bool:
        return self._newest < self.timing.max_renewals

    def _offer_anew(self, now: float) -> list[ev.Effect]:
        """An attempt, unless one is under way."""
        return [] if self._renewal else self._make_anew(now)

    def _make_anew(self, now: float) -> list[ev.Effect]:
        """An attempt in the place of the one that is under way; no more of them once there were too
        many.
        """
        dropped = self._drop_renewal()
        if not self._may_renew or self._left_at is not None:
            self._retry_at = None
            return dropped
        return [*dropped, self._begin_renewal(self._newest + 1, now, offer=None)]

    def _begin_renewal(self, generation: int, now: float, *, offer: str | None) -> ev.Effect:
        self._newest = max(self._newest, generation)
        if offer is None:
            # the remote peer's own offers share what is left: it could make a hundred at once
            self._candidates = 0
        self._renewal = Renewal(generation, offer is None, now + self.timing.renewal)
        self._retry_at = now + (self.timing.retry if offer is None else self.timing.renewal)
        if offer is None:
            return self.create(ev.CreateOffer(generation, self.grant, self.ice_servers))
        return self.create(ev.CreateAnswer(generation, offer, self.grant, self.ice_servers))

    def _take_over(self, generation: int) -> list[ev.Effect]:
        old = sorted(self._live - {generation})
        self._live = {generation}
        self._current = generation
        self._candidates = 0
        self._renewal = self._retry_at = None
        return [ev.StartMedia(generation), *(ev.ClosePeer(each) for each in old)]

    def _drop_renewal(self) -> list[ev.Effect]:
        if self._renewal is None:
            return []
        generation = self._renewal.generation
        self._renewal = None
        self._live.discard(generation)
        return [ev.ClosePeer(generation)]

    # -- rows: time --------------------------------------------------------------------------------

    def _lost_expired(
        self, _event: ev.DeadlineReached, now: float
    ) -> tuple[State, list[ev.Effect]]:
        """The longest duration is over, the far side has hung up or is given up, or the next
        attempt is due.
        """
        self.must_be_due(now)
        give_up = self.give_up_at()
        if self._deadline is not None and now >= self._deadline:
            reason, side = CloseReason.MAX_DURATION, Side.LOCAL
        elif give_up is not None and now >= give_up:
            left = self._left_at is not None
            reason, side = (
                (CloseReason.USER_HANGUP, Side.REMOTE)
                if left
                else (CloseReason.ICE_TIMEOUT, Side.LOCAL)
            )
        else:
            return State.LOST, self._make_anew(now)
        return self.end(now, reason, side, [ev.SendClose(self.remote_uid, reason)])
