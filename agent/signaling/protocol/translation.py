"""Between the messages on the wire and the inputs and effects of the core: one place, both ways."""

from __future__ import annotations

from collections.abc import Iterator

from agent.core.call import events as core
from agent.core.call.reasons import REASON_EXPIRED, CallStatus, CloseReason, Purpose
from agent.signaling.protocol import messages as wire
from agent.signaling.protocol.encoding import MAX_SENTENCE, conversation_key

_SENDING, _RECEIVING = {"a=sendrecv", "a=sendonly"}, {"a=sendrecv", "a=recvonly"}
_DIRECTIONS = _SENDING | _RECEIVING | {"a=inactive"}


def invitation(sender: str, message: wire.Invite, *, age: float | None) -> core.Invitation:
    """What the core needs of an `invite`. `age` in seconds by our clock, None where it cannot be
    judged.
    """
    return core.Invitation(
        conversation=conversation_key(message.conversation),
        caller=sender,
        party=message.party,
        sdp=message.sdp,
        lifetime=message.lifetime,
        age=age,
        user_data=message.user_data,
        purpose=message.purpose or Purpose.TALK,
        ice_servers=tuple(server.to_core() for server in message.ice_servers or ()),
    )


def to_input(sender: str, message: wire.SignalMessage) -> core.Input | core.DoorInput | None:
    """The input that a message is for its conversation; None for an `invite`, which makes one."""
    party = message.party
    match message:
        case wire.Ringing():
            return core.RingingReceived(sender, party, message.expires_in)
        case wire.Response():
            now = wire.parse_time(message.now) if message.now and _is_expired(message) else None
            sends_media = _sends_media(message.sdp or "")
            return core.ResponseReceived(
                sender, party, message.call_status, message.reason, message.sdp, sends_media, now
            )
        case wire.Select():
            return core.SelectReceived(sender, party, message.selected_party)
        case wire.Candidate():
            candidate = message.to_core()
            usable = candidate is None or is_usable(candidate.candidate)
            return core.CandidateReceived(sender, party, candidate, usable)
        case wire.Offer():
            sends_sound = bool(_audio_directions(message.sdp) & _SENDING)
            return core.OfferReceived(
                sender, party, message.generation, message.sdp, sends_sound=sends_sound
            )
        case wire.Answer():
            takes_sound = bool(_audio_directions(message.sdp) & _RECEIVING)
            return core.AnswerReceived(
                sender, party, message.generation, message.sdp, takes_sound=takes_sound
            )
        case wire.Close():
            return core.CloseReceived(sender, party, CloseReason.parse(message.reason), message.by)
        case wire.Talk():
            return core.PushToTalkReceived(sender, party, message.on)
        case wire.Open():
            issued = message.issued_at_unix
            return core.OpenReceived(
                sender, party, message.issued_at, issued, message.output, message.code
            )
        case wire.Opened():
            return core.OpenedReceived(
                sender, party, message.output, wire.parse_time(message.issued_at)
            )
        case wire.Error():
            told = None if message.now is None else wire.parse_time(message.now)
            return core.ErrorReceived(sender, party, message.code, message.message, told)
    return None


def to_message(
    effect: core.SignalEffect, *, conversation: str, party: str, wall: float
) -> wire.SignalMessage:
    """The message that carries an effect out. `wall` is the time of day, in Unix seconds."""
    match effect:
        case core.SendInvite():
            return wire.Invite(
                conversation=conversation,
                party=party,
                sdp=effect.sdp,
                sent_at=wire.format_time(wall),
                lifetime=effect.lifetime,
                user_data=effect.user_data,
                purpose=None if effect.purpose is Purpose.TALK else effect.purpose,
            )
        case core.SendRinging():
            return wire.Ringing(
                conversation=conversation, party=party, expires_in=round(effect.expires_in, 3)
            )
        case core.SendResponse():
            response = wire.Response(
                conversation=conversation,
                party=party,
                call_status=effect.status,
                reason=effect.reason,
                sdp=effect.sdp,
            )
            now = {"now": wire.format_time(wall)} if _is_expired(response) else {}
            return response.model_copy(update=now)
        case core.SendSelect():
            return wire.Select(
                conversation=conversation, party=party, selected_party=effect.selected
            )
    return _message_of_transport(effect, conversation, party)


def _message_of_transport(
    effect: core.SendCandidate
    | core.SendOffer
    | core.SendAnswer
    | core.SendClose
    | core.SendTalk
    | core.SendError
    | core.SendOpen
    | core.SendOpened
    | core.SendOpenRefused,
    conversation: str,
    party: str,
) -> wire.SignalMessage:
    match effect:
        case core.SendCandidate():
            candidate = wire.RTCIceCandidate.of(effect.candidate) if effect.candidate else None
            return wire.Candidate(conversation=conversation, party=party, candidate=candidate)
        case core.SendOffer():
            return wire.Offer(
                conversation=conversation, party=party, generation=effect.generation, sdp=effect.sdp
            )
        case core.SendAnswer():
            return wire.Answer(
                conversation=conversation, party=party, generation=effect.generation, sdp=effect.sdp
            )
        case core.SendTalk():
            return wire.Talk(conversation=conversation, party=party, on=effect.on)
        case core.SendClose():
            reason = effect.reason.value
            return wire.Close(conversation=conversation, party=party, reason=reason, by=effect.by)
        case core.SendError():
            # it may quote what it is about
            text = effect.message[:MAX_SENTENCE]
            return wire.Error(
                conversation=conversation, party=party, code=effect.code, message=text
            )
        case core.SendOpen() | core.SendOpened() | core.SendOpenRefused():
            return _message_about_door(effect, conversation, party)


def _message_about_door(
    effect: core.SendOpen | core.SendOpened | core.SendOpenRefused, conversation: str, party: str
) -> wire.SignalMessage:
    match effect:
        case core.SendOpen():
            return wire.Open(
                conversation=conversation,
                party=party,
                output=effect.output,
                issued_at=wire.format_time(effect.issued),
                code=effect.code,
            )
        case core.SendOpened():
            return wire.Opened(
                conversation=conversation,
                party=party,
                output=effect.output,
                issued_at=effect.issued_at,
            )
        case core.SendOpenRefused():
            return wire.Error(
                conversation=conversation,
                party=party,
                code=effect.code,
                message=effect.message,
                now=None if effect.now is None else wire.format_time(effect.now),
            )


def is_usable(candidate: str) -> bool:
    """Whether it is one of UDP and component 1 (RFC 8839 5.1), or an end of candidates. What cannot
    be read is the adapter's to judge.
    """
    fields = candidate.split(maxsplit=3)
    return len(fields) < 3 or (fields[1], fields[2].lower()) == ("1", "udp")


def _sends_media(sdp: str) -> bool:
    """Whether a description promises sound or a picture."""
    return any(direction in _SENDING for _, direction in _media_directions(sdp))


def _audio_directions(sdp: str) -> set[str]:
    """In which directions sound may flow."""
    return {direction for kind, direction in _media_directions(sdp) if kind == "audio"}


def _media_directions(sdp: str) -> Iterator[tuple[str, str]]:
    """Kind and direction of each section of sound or pictures that is not rejected (RFC 8866: one
    without a direction is `sendrecv`).
    """
    session, *sections = ("\n" + sdp).split("\nm=")
    # once: there may be thousands of sections
    default = _DIRECTIONS & {*session.split()}
    for section in sections:
        kind, port, *lines = [*section.split(), "", ""]
        # at the port of another section (RFC 9143 6)
        open_ = port != "0" or "a=bundle-only" in lines
        if kind in ("audio", "video") and open_:
            for direction in _DIRECTIONS & {*lines} or default or {"a=sendrecv"}:
                yield kind, direction


def _is_expired(response: wire.Response) -> bool:
    """Whether it says `now`, by which a caller whose clock is wrong corrects itself (PROTOCOL
    2).
    """
    return response.call_status is CallStatus.TIMEOUT and response.reason == REASON_EXPIRED
