"""The rows for silence, and for the transports that come after the first (PROTOCOL 2, `offer` and
`answer`).

- *Silence.* Nothing has come for three seconds, the adapter says: the call is SILENT, the
  application hears `degraded`, and a fresh transport is offered, by whichever side notices;
  another one every `retry` seconds until something arrives; one that is answered has its whole time
  to connect. The silent transport stays: media and connectivity checks go on over it, so a path
  that only had a hole works again at once, whatever becomes of the fresh ones. Once the call is
  LOST the checks alone go on, as long as consent stands, and the media waits for the return.
- *Whatever works first.* A packet over the old transport, or the fresh one being connected,
  restores the call. Media moves only to a transport that is connected, and the old one goes only
  then. A fresh one that connects after the old one has come back takes over as well, as the remote
  peer may have moved already.
- *Our network changed.* A fresh transport at once, silent or not; what was in the making has the
  old addresses, and is replaced. It counts as a word of the remote peer: the silence is ours.
- *Before there is an answer* no fresh transport can be offered (PROTOCOL 2). Where our network
  changes once the first one is in the making, a fresh one follows the acceptance at once; where
  none is yet, it will have the new addresses.
- *While the first one connects* a fresh one may be offered beside it, from either side. The first
  to be connected establishes the call, and none of them puts its deadline off. A remote peer that
  does not answer is as if nobody had asked: its candidates go on to the first.

When a silent remote peer is given up is told in `liveness.py`.
"""

from __future__ import annotations

from agent.core.call import events as ev
from agent.core.call.base_call import Call
from agent.core.call.machine import Refused, State, Step
from agent.core.call.reasons import CloseReason, Direction, Purpose, Side

# -- rows: silence ---------------------------------------------------------------------------------


def fall_silent(call: Call, event: ev.PeerSilent, now: float) -> Step:
    call.renewals.require_current(event.generation)
    told = call.liveness.fall_silent(now - event.seconds)
    call.media.suspend()
    return State.SILENT, [*_degraded("silence", told=told), *_ensure_renewal(call, now)]


def hear(call: Call, event: ev.PeerHeard, now: float) -> Step:
    """The old transport works again. A fresh one in the making goes on: the remote peer may be
    about to move to it.
    """
    call.renewals.require_current(event.generation)
    told = call.liveness.hear()
    lost = call.state is State.LOST
    resumed: list[ev.Effect] = [ev.ResumeMedia(event.generation)] if lost else []
    return State.ESTABLISHED, [*resumed, *_restored(call, now, told=told)]


def lose_transport(call: Call, event: ev.PeerLost, now: float) -> Step:
    call.renewals.require_current(event.generation)
    if event.closed:
        call.liveness.leave(now)
        call.media.suspend()
        return _unheard(call), []
    told = call.liveness.lose_transport(now)
    call.media.suspend()
    return _unheard(call), [*_degraded("lost", told=told), *_ensure_renewal(call, now)]


def _unheard(call: Call) -> State:
    """The state of a call over whose transport nothing arrives."""
    return State.LOST if call.state is State.LOST else State.SILENT


def _degraded(cause: str, *, told: bool) -> list[ev.Effect]:
    return [ev.Degraded(cause)] if told else []


def _restored(call: Call, now: float, *, told: bool) -> list[ev.Effect]:
    call.renewals.retry_at = None
    call.media.await_first(now, call.timing.media)
    return [ev.Restored(call.renewals.current)] if told else []


# -- rows: a fresh transport -----------------------------------------------------------------------


def require_renewable(call: Call) -> None:
    """Refuse where we cannot offer a fresh transport."""
    if not call.renewals.may_begin(call.timing):
        raise Refused(f"more than {call.timing.max_renewals} renewals")
    # what it offers in its place is all there is: it goes on
    if call.liveness.left:
        raise Refused(f"the remote peer has left transport {call.renewals.current}")


def renew(call: Call, _event: ev.RenewRequested, now: float) -> Step:
    require_renewable(call)
    call.liveness.spoke_at = now
    return call.state, replace_renewal(call, now)


def note_move(call: Call, _event: ev.RenewRequested, _now: float) -> Step:
    """Nobody has accepted yet: what the first transport has of our addresses is made up for when
    somebody has.
    """
    call.renewals.moved = True
    return call.state, []


def catch_up(call: Call, now: float) -> list[ev.Effect]:
    """To be done at the acceptance: a fresh transport, if our network has changed since the first
    was begun.
    """
    moved, call.renewals.moved = call.renewals.moved, False
    return replace_renewal(call, now) if moved else []


def take_offer(call: Call, event: ev.OfferReceived, now: float) -> Step:
    call.remote.require(event)
    we_win = call.direction == Direction.OUTGOING
    call.renewals.require_acceptable(event.generation, call.timing, we_win=we_win)
    call.liveness.spoke_at = now
    is_view = call.viewing.purpose is Purpose.VIEW and call.direction is Direction.INCOMING
    if not (is_view and event.sends_sound):
        abandoned = call.abandon_talk()
    elif call.looks:
        return call.state, [ev.ScreenTalk(event.generation, event.sdp)]
    else:
        # it was let in before, and offers once more
        call.viewing.generation, abandoned = event.generation, []
    return call.state, [*abandoned, *answer_offer(call, event.generation, event.sdp, now)]


def answer_offer(call: Call, generation: int, sdp: str, now: float) -> list[ev.Effect]:
    """An acceptable offer of the remote peer, in the place of what was under way."""
    dropped = call.renewals.drop()
    call.renewals.begin_theirs(generation, now, call.timing)
    media = call.media
    grant = call.viewing.grant if call.viewing.asks else media.grant
    create = ev.CreateAnswer(generation, sdp, grant, media.ice_servers)
    return [*dropped, call.create(create)]


def send_description(call: Call, event: ev.DescriptionReady, _now: float) -> Step:
    ours = call.renewals.ours
    call.renewals.describe(event.generation)
    if ours:
        return call.state, [ev.SendOffer(event.generation, event.sdp)]
    return call.state, [ev.SendAnswer(event.generation, event.sdp)]


def take_answer(call: Call, event: ev.AnswerReceived, now: float) -> Step:
    call.remote.require(event)
    call.renewals.receive_answer(event.generation)
    call.liveness.spoke_at = now
    told = [] if event.takes_sound else call.abandon_talk()
    return call.state, [*told, ev.ApplyAnswer(event.generation, event.sdp)]


def take_over(call: Call, event: ev.PeerConnected, now: float) -> Step:
    """The fresh transport is connected: it takes the media over, the old one goes."""
    call.renewals.require_under_way(event.generation)
    call.reconnects += 1
    moving = call.move_media()
    told = call.liveness.renew()
    restored = _restored(call, now, told=told)
    return State.ESTABLISHED, [*moving, *restored, *call.start_talk(now)]


def drop_failed(call: Call, event: ev.PeerFailed, now: float) -> Step:
    """It leaves the old transport, and the next attempt comes at its time."""
    dropped = call.renewals.fail(now, call.timing)
    raised = ev.ErrorRaised(event.code, event.message)
    told = complain(call, event)
    return call.state, [raised, *told, *call.abandon_talk(), *dropped]


def complain(call: Call, failure: ev.PeerFailed | None) -> list[ev.Effect]:
    """What the remote peer hears of a description of its own that cannot be used: in a sentence,
    for a code alone helps nobody to mend it.
    """
    if failure is None or failure.reason != CloseReason.REJECTED:
        return []
    return [ev.SendError(call.remote.uid, failure.code, failure.message)]


# -- attempts --------------------------------------------------------------------------------------


def _ensure_renewal(call: Call, now: float) -> list[ev.Effect]:
    """An attempt, unless one is under way."""
    return [] if call.renewals.under_way else replace_renewal(call, now)


def replace_renewal(call: Call, now: float) -> list[ev.Effect]:
    """An attempt in the place of the one that is under way; no more of them once there were too
    many.
    """
    dropped = call.renewals.drop()
    if not call.renewals.may_begin(call.timing) or call.liveness.left:
        call.renewals.retry_at = None
        return [*call.abandon_talk(), *dropped]
    # an offer of theirs that is replaced was for the talk that they want
    abandoned = call.abandon_talk() if call.direction is Direction.INCOMING else []
    generation = call.renewals.begin(now, call.timing)
    grant = call.media.grant
    if call.viewing.asks:
        call.viewing.generation, grant = generation, call.viewing.grant
    create = ev.CreateOffer(generation, grant, call.media.ice_servers)
    return [*abandoned, *dropped, call.create(create)]


# -- rows: time ------------------------------------------------------------------------------------


def expire_unheard(call: Call, _event: ev.DeadlineReached, now: float) -> Step:
    """The longest duration is over, the remote peer has hung up or is given up, the call is lost,
    or the next attempt is due.
    """
    call.require_due(now)
    if call.deadline is not None and now >= call.deadline:
        return call.say_close(now, CloseReason.MAX_DURATION)
    give_up, lose_at = call.give_up_at(), call.liveness.lose_at(call.timing)
    if give_up is None or now < give_up:
        if call.state is State.LOST or lose_at is None or now < lose_at:
            return call.state, replace_renewal(call, now)
        call.liveness.lost_at = now
        return State.LOST, [ev.PauseMedia(call.current_generation)]
    left = call.liveness.left
    call.liveness.give_up()
    if left:
        return call.say_close(now, CloseReason.USER_HANGUP, Side.REMOTE)
    return call.say_close(now, CloseReason.ICE_TIMEOUT)
