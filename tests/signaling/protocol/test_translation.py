"""Between the wire and the core."""

from __future__ import annotations

import json

import pytest

from agent.core.call import events as ev
from agent.core.call.reasons import CallStatus
from agent.signaling.protocol import messages as wire
from agent.signaling.protocol.translation import to_input, to_message

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
        (["v=0", DATA], False),
    ],
)
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_translation_answer_that_promises_media(lines: list[str], sends: bool, end: str) -> None:
    assert received(sdp=end.join(lines) + end).sends_media is sends


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
