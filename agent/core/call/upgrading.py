"""The rows by which a view becomes a talk (PROTOCOL 3): by a fresh transport whose offer sends
sound.

Whoever looks asks for it (`TalkRequested`), and offers. Whoever is looked at has the offer judged
as an invitation would be (`ScreenTalk`): it is answered, or refused by an `error` that changes
nothing. What becomes of a transport that does not connect is told in `viewing.py`. A person on the
side that is looked at may have it talk as well (`TakeRequested`): that needs no fresh transport,
and the sound of whoever looked follows with the next one. Where there can be no next one the sound
is there already, and the call is a view again once it ends (`ViewRequested`).
"""

from __future__ import annotations

from dataclasses import replace

from agent.core.call import events as ev
from agent.core.call import renewing
from agent.core.call.base_call import Call
from agent.core.call.machine import Refused, Step
from agent.core.call.reasons import Purpose


def request_talk(call: Call, event: ev.TalkRequested, now: float) -> Step:
    _require_view(call)
    renewing.require_renewable(call)
    grant = event.grant or replace(call.grant, sends=True)
    call.viewing.ask(call.renewals.newest + 1, grant)
    return call.state, renewing.replace_renewal(call, now)


def allow_talk(call: Call, event: ev.TalkAllowed, now: float) -> Step:
    _require_view(call)
    call.renewals.require_acceptable(event.generation, call.timing, we_win=False)
    call.rule = event.rule or call.rule
    call.viewing.ask(event.generation, event.grant)
    return call.state, renewing.answer_offer(call, event.generation, event.sdp, now)


def deny_talk(call: Call, event: ev.TalkDenied, _now: float) -> Step:
    _require_view(call)
    call.viewing.refuse(event.code, event.message)
    # the same offer may come twice, by MQTT and by the data channel
    call.renewals.newest_of_theirs = max(call.renewals.newest_of_theirs, event.generation)
    return call.state, [
        ev.SendError(call.remote.uid, event.code, event.message),
        ev.ErrorRaised(event.code, event.message),
    ]


def take_view(call: Call, event: ev.TakeRequested, now: float) -> Step:
    """It has been judged as an invitation already."""
    _require_view(call)
    call.rule = event.rule or call.rule
    return call.state, call.become_talk(event.grant, now)


def look_again(call: Call, _event: ev.ViewRequested, _now: float) -> Step:
    """The sound of whoever talked without a transport for it has ended."""
    viewing = call.viewing
    if viewing.purpose is Purpose.VIEW or not viewing.listens:
        raise Refused("it is no talk that was a view before, over the same transport")
    viewing.look_again()
    call.media.grant = viewing.narrow(call.media.grant, call.direction)
    return call.state, []


def _require_view(call: Call) -> None:
    if not call.looks:
        raise Refused("it is no view that could become a talk")
