"""Between the wire and the core."""

from __future__ import annotations

import json

import pytest

from agent.core.call import events as ev
from agent.core.call.reasons import CallStatus, CloseReason, Purpose
from agent.signaling.protocol import messages as wire
from agent.signaling.protocol.translation import invitation, to_input, to_message

VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96"
AUDIO = "m=audio 9 UDP/TLS/RTP/SAVPF 111"
DATA = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel"


def received(**fields: object) -> ev.ResponseReceived:
    message = wire.Response.model_validate(
        {
            "conversation": wire.NO_CONVERSATION,
            "party": "p",
            "callStatus": "ACCEPTED",
            "sdp": "v=0",
            **fields,
        }
    )
    event = to_input("a", message)
    assert isinstance(event, ev.ResponseReceived)
    return event


@pytest.mark.parametrize(
    ("lines", "sends"),
    [
        (["v=0"], False),
        (["v=0", VIDEO, "a=sendonly"], True),
        (["v=0", VIDEO, "a=sendrecv"], True),
        (["v=0", VIDEO], True),
        (["v=0", VIDEO, "a=recvonly"], False),
        (["v=0", VIDEO, "a=inactive", AUDIO, "a=sendrecv"], True),
        (["v=0", VIDEO, "a=inactive", AUDIO, "a=recvonly"], False),
        (["v=0", "a=recvonly", AUDIO], False),
        (["v=0", "a=recvonly", AUDIO, "a=sendonly"], True),
        (["v=0", VIDEO.replace(" 9 ", " 0 ")], False),
        (["v=0", DATA, VIDEO.replace(" 9 ", " 0 "), "a=bundle-only"], True),
        (["v=0", DATA], False),
    ],
)
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_translation_answer_that_promises_media(lines: list[str], sends: bool, end: str) -> None:
    assert received(sdp=end.join(lines) + end).sends_media is sends


@pytest.mark.parametrize(
    ("lines", "sends", "takes"),
    [
        ([AUDIO], True, True),
        ([AUDIO, "a=sendrecv"], True, True),
        ([AUDIO, "a=sendonly"], True, False),
        ([AUDIO, "a=recvonly"], False, True),
        ([AUDIO, "a=inactive"], False, False),
        (["a=recvonly", AUDIO], False, True),
        ([AUDIO.replace(" 9 ", " 0 ")], False, False),
        ([VIDEO, AUDIO.replace(" 9 ", " 0 "), "a=bundle-only", "a=sendonly"], True, False),
        ([VIDEO, "a=sendrecv"], False, False),
        ([VIDEO, "a=sendrecv", AUDIO, "a=recvonly"], False, True),
    ],
)
def test_translation_offer_and_answer_say_whether_there_is_sound(
    lines: list[str], sends: bool, takes: bool
) -> None:
    fields = {
        "conversation": wire.NO_CONVERSATION,
        "party": "p",
        "generation": 1,
        "sdp": "\r\n".join(["v=0", *lines, ""]),
    }
    offer = to_input("a", wire.Offer.model_validate(fields))
    answer = to_input("a", wire.Answer.model_validate(fields))
    assert isinstance(offer, ev.OfferReceived)
    assert isinstance(answer, ev.AnswerReceived)
    assert (offer.sends_sound, answer.takes_sound) == (sends, takes)


def test_translation_purpose_of_an_invitation() -> None:
    """A talk is not named."""
    for purpose, said in ((Purpose.TALK, None), (Purpose.VIEW, Purpose.VIEW)):
        effect = ev.SendInvite("b", "v=0", 30.0, purpose=purpose)
        message = to_message(effect, conversation=wire.NO_CONVERSATION, party="p", wall=1.0)
        assert isinstance(message, wire.Invite)
        assert message.purpose is said
        assert invitation("a", message, age=0.0).purpose is purpose


def test_translation_error_says_what_was_refused() -> None:
    effect = ev.SendError("b", "busy", "no line is free")
    message = to_message(effect, conversation=wire.NO_CONVERSATION, party="p", wall=1.0)
    assert isinstance(message, wire.Error)
    assert (message.code, message.message) == ("busy", "no line is free")


def test_translation_error_that_quotes_much_is_cut() -> None:
    effect = ev.SendError("b", "unusable_sdp", f"a=setup:{'x' * 4000} is none")
    message = to_message(effect, conversation=wire.NO_CONVERSATION, party="p", wall=1.0)
    assert isinstance(message, wire.Error)
    assert len(message.message) == 500


@pytest.mark.parametrize(
    ("status", "reason", "now"),
    [
        ("TIMEOUT", "expired", 1_800_000_000.0),
        ("TIMEOUT", "no_answer", None),
        ("REJECTED", "expired", None),
    ],
)
def test_translation_only_an_expired_invitation_brings_a_time(
    status: str, reason: str, now: float | None
) -> None:
    assert (
        received(callStatus=status, reason=reason, now=wire.format_time(1_800_000_000.0)).now == now
    )
    effect = ev.SendResponse(CallStatus(status), reason)
    message = to_message(effect, conversation=wire.NO_CONVERSATION, party="p", wall=1_800_000_000.0)
    assert isinstance(message, wire.Response)
    assert message.now == (None if now is None else wire.format_time(now))


def test_translation_who_speaks_is_who_the_topic_names() -> None:
    for fields in (
        {"type": "ringing", "expiresIn": 1},
        {"type": "select", "selectedParty": "q"},
        {"type": "candidate", "candidate": None},
        {"type": "offer", "generation": 1, "sdp": "v=0"},
        {"type": "answer", "generation": 1, "sdp": "v=0"},
        {"type": "close", "reason": "user_hangup"},
        {"type": "error", "code": "c", "message": "m"},
    ):
        message = wire.parse_signal(
            json.dumps({"conversation": wire.NO_CONVERSATION, "party": "p", **fields}).encode()
        )
        event = to_input("a", message)
        assert (getattr(event, "uid", None), getattr(event, "party", None)) == ("a", "p")


@pytest.mark.parametrize(
    ("text", "usable"),
    [
        ("candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host", True),
        ("candidate:1 1 UDP 2130706431 name.local 5000 typ host", True),
        ("candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active", False),
        ("candidate:1 2 udp 2130706430 192.0.2.1 5001 typ host", False),
        ("", True),
        ("nonsense", True),
    ],
)
def test_translation_of_a_candidate_says_whether_it_is_of_use(text: str, usable: bool) -> None:
    message = wire.Candidate(
        conversation=wire.NO_CONVERSATION, party="p", candidate=wire.RTCIceCandidate(candidate=text)
    )
    event = to_input("desk", message)
    assert isinstance(event, ev.CandidateReceived)
    assert event.usable is usable


def test_close_says_who_answered() -> None:
    message = wire.Close(
        conversation=wire.NO_CONVERSATION, party="p", reason="answered_elsewhere", by="bob"
    )
    taken = ev.CloseReceived("a", "p", CloseReason.ANSWERED_ELSEWHERE, "bob")
    assert to_input("a", message) == taken
