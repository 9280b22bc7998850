"""From the answer on, the same in both roles: connecting, the call itself, and its end."""

from __future__ import annotations

from agent.core.call import events as ev
from agent.core.call import renewing
from agent.core.call.base_call import Call
from agent.core.call.machine import Refused, State, Step, Table, row, stay
from agent.core.call.reasons import CloseReason, Purpose, Side

# the code of a transport for which no address to connect from was found
_NO_ADDRESS = "no_candidates"

# -- rows: from the answer on ----------------------------------------------------------------------


def add_candidate(call: Call, event: ev.CandidateReceived, now: float) -> Step:
    call.remote.require(event)
    call.candidates.take(event, call.timing.max_candidates)
    call.liveness.spoke_at = now
    return call.state, [ev.AddCandidate(_generation_of_candidates(call), event.candidate)]


def _generation_of_candidates(call: Call) -> int:
    """The newest transport; those of the first one may still come until the remote peer takes part
    in another.
    """
    renewals = call.renewals
    if renewals.generation is None or (call.state is State.CONNECTING and not renewals.shared):
        return renewals.current
    return renewals.generation


def trickle(call: Call, event: ev.CandidateFound, _now: float) -> Step:
    call.renewals.require_live(event.generation)
    return call.state, [ev.SendCandidate(call.remote.uid, event.candidate)]


def mark_ice(call: Call, event: ev.IceConnected, now: float) -> Step:
    call.renewals.require_live(event.generation)
    if call.marks.ice is None:
        call.marks.ice = now
    return call.state, []


def mark_first_frame(call: Call, event: ev.FirstFrameSeen, now: float) -> Step:
    call.renewals.require_live(event.generation)
    if call.marks.first_frame is None:
        call.marks.first_frame = now
    return call.state, []


def take_track(call: Call, event: ev.TrackReceived, _now: float) -> Step:
    call.renewals.require_live(event.generation)
    call.media.receive(event.kind, event.codec)
    return call.state, [ev.StreamReceived(call.media.tracks)]


def establish(call: Call, event: ev.PeerConnected, now: float) -> Step:
    """By the first transport, or by a fresh one that was quicker."""
    call.renewals.require_live(event.generation)
    first = event.generation == call.renewals.current
    moving = [] if first else call.move_media()
    call.marks.connected = now
    call.deadline = call.longest(now)
    call.media.await_first(now, call.timing.media)
    return State.ESTABLISHED, [*moving, ev.Connected(), *call.start_talk(now)]


# -- rows: a transport that fails ------------------------------------------------------------------


def fail(call: Call, event: ev.PeerFailed, now: float) -> Step:
    """A renewal that fails, for whatever reason, leaves the old transport; a failed media source
    ends the call, unless it was for a talk.
    """
    renewing_ = event.generation == call.renewals.generation
    if renewing_ and (event.reason != CloseReason.NO_USER_MEDIA or call.viewing.asks):
        return renewing.drop_failed(call, event, now)
    return _end_failed(call, event, now)


def _end_failed(call: Call, event: ev.PeerFailed, now: float) -> Step:
    call.renewals.require_live(event.generation)
    raised = ev.ErrorRaised(event.code, event.message)
    told = renewing.complain(call, event)
    tell: list[ev.Effect] = [raised, *told, ev.SendClose(call.remote.uid, event.reason)]
    return call.end(now, event.reason, Side.LOCAL, tell)


def fail_connecting(call: Call, event: ev.PeerFailed, now: float) -> Step:
    """The first transport has failed: a fresh one that is in the making may connect yet; where
    there was none, one is offered, once, within the same time. No fresh one mends a description
    that cannot be used, or has an address where the first had none. Where both have failed the call
    is over.
    """
    renewals = call.renewals
    first = event.generation == renewals.current
    if event.reason == CloseReason.NO_USER_MEDIA or not (first or renewals.first_failed):
        return fail(call, event, now)
    if first and not renewals.first_failed and renewals.under_way:
        renewals.first_failed = True
        return call.state, [ev.ErrorRaised(event.code, event.message)]
    path = event.reason == CloseReason.ICE_FAILED and event.code != _NO_ADDRESS
    if first and path and renewals.may_begin_first(call.timing):
        renewals.first_failed = True
        raised = ev.ErrorRaised(event.code, event.message)
        return call.state, [raised, *renewing.replace_renewal(call, now)]
    return _end_failed(call, event, now)


def time_out_rtcp(call: Call, event: ev.RtcpTimedOut, now: float) -> Step:
    """There is a connection, and nobody behind it; unless the remote peer has spoken since."""
    call.renewals.require_current(event.generation)
    spoke = call.liveness.spoke_at
    if spoke is not None and spoke > now - event.seconds:
        raise Refused(f"{call.remote.uid} has spoken since")
    return call.say_close(now, CloseReason.MEDIA_TIMEOUT)


# -- rows: push-to-talk ----------------------------------------------------------------------------


def send_talk(call: Call, event: ev.PushToTalkRequested, _now: float) -> Step:
    _require_talk(call)
    return call.state, [ev.SendTalk(call.remote.uid, event.on)]


def take_talk(call: Call, event: ev.PushToTalkReceived, now: float) -> Step:
    call.remote.require(event)
    _require_talk(call)
    call.liveness.spoke_at = now
    return call.state, [ev.PushToTalk(event.on)]


def _require_talk(call: Call) -> None:
    if call.viewing.purpose is Purpose.VIEW:
        raise Refused("who only looks has nothing to say")


# -- rows: the end ---------------------------------------------------------------------------------


def close(call: Call, event: ev.CloseRequested, now: float) -> Step:
    return call.say_close(now, event.reason)


def give_way(call: Call, event: ev.YieldRequested, now: float) -> Step:
    """Both of two calls that cross were accepted: the one with the lower id stays."""
    if not event.goes_first:
        raise Refused(f"{event.rival} has the higher id")
    return call.give_way(now, event.rival)


def take_close(call: Call, event: ev.CloseReceived, now: float) -> Step:
    call.remote.require(event)
    return call.end(now, event.reason, Side.REMOTE, [])


def take_error(call: Call, event: ev.ErrorReceived, now: float) -> Step:
    call.remote.require(event)
    call.remote.take_error(call.timing.max_errors)
    call.liveness.spoke_at = now
    told = ev.ErrorRaised(event.code, event.message)
    # it does not say about what: an offer that waits for its answer is what it can be about
    if call.viewing.asks and not call.renewals.shared:
        call.viewing.refuse(event.code, event.message)
        return call.state, [told, *call.renewals.drop()]
    return call.state, [told]


def expire_setup(call: Call, _event: ev.DeadlineReached, now: float) -> Step:
    call.require_due(now)
    if call.deadline is not None and now < call.deadline:
        return call.state, [*call.abandon_talk(), *call.renewals.drop()]
    explained = [ev.ExplainPeer(generation) for generation in sorted(call.renewals.live)]
    tell: list[ev.Effect] = [*explained, ev.SendClose(call.remote.uid, CloseReason.ICE_FAILED)]
    return call.end(now, CloseReason.ICE_FAILED, Side.LOCAL, tell)


def expire_established(call: Call, _event: ev.DeadlineReached, now: float) -> Step:
    """The longest duration is over, no media came, or a renewal came to nothing while the old
    transport works.
    """
    call.require_due(now)
    over = (
        (call.deadline, CloseReason.MAX_DURATION),
        (call.media.deadline, CloseReason.MEDIA_TIMEOUT),
    )
    for deadline, reason in over:
        if deadline is not None and now >= deadline:
            return call.say_close(now, reason)
    return call.state, [*call.abandon_talk(), *call.renewals.drop()]


_S = State
# in each of the four states after an answer
_ANSWERED = {
    ev.CandidateReceived: stay(add_candidate),
    ev.CandidateFound: stay(trickle),
    ev.IceConnected: stay(mark_ice),
    ev.FirstFrameSeen: stay(mark_first_frame),
    ev.TrackReceived: stay(take_track),
    ev.RenewRequested: stay(renewing.renew),
    ev.OfferReceived: stay(renewing.take_offer),
    ev.AnswerReceived: stay(renewing.take_answer),
    ev.DescriptionReady: stay(renewing.send_description),
    ev.ErrorReceived: stay(take_error),
    ev.PushToTalkRequested: stay(send_talk),
    ev.PushToTalkReceived: stay(take_talk),
    ev.CloseRequested: row(close, _S.CLOSED),
    ev.YieldRequested: row(give_way, _S.CLOSED),
    ev.CloseReceived: row(take_close, _S.CLOSED),
}
# while nothing arrives
_UNHEARD = {
    **_ANSWERED,
    ev.PeerConnected: row(renewing.take_over, _S.ESTABLISHED),
    ev.PeerFailed: stay(fail, _S.CLOSED),
    ev.PeerHeard: row(renewing.hear, _S.ESTABLISHED),
    ev.PeerLost: stay(renewing.lose_transport),
}
SHARED: Table = {
    _S.CONNECTING: {
        **_ANSWERED,
        ev.PeerConnected: row(establish, _S.ESTABLISHED),
        ev.PeerFailed: stay(fail_connecting, _S.CLOSED),
        ev.DeadlineReached: stay(expire_setup, _S.CLOSED),
    },
    _S.ESTABLISHED: {
        **_ANSWERED,
        ev.PeerConnected: stay(renewing.take_over),
        ev.PeerFailed: stay(fail, _S.CLOSED),
        ev.PeerSilent: row(renewing.fall_silent, _S.SILENT),
        ev.RtcpTimedOut: row(time_out_rtcp, _S.CLOSED),
        ev.PeerLost: row(renewing.lose_transport, _S.SILENT),
        ev.DeadlineReached: stay(expire_established, _S.CLOSED),
    },
    _S.SILENT: {
        **_UNHEARD,
        ev.DeadlineReached: stay(renewing.expire_unheard, _S.LOST, _S.CLOSED),
    },
    _S.LOST: {**_UNHEARD, ev.DeadlineReached: stay(renewing.expire_unheard, _S.CLOSED)},
    _S.CLOSED: {},
}
