"""What strangers might send: valid messages, descriptions and topics with something wrong in them.

Everything is a function of a `random.Random`, so that one seed is one flood, and hypothesis can
choose and shrink.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

from agent.signaling.protocol.command_messages import COMMANDS
from agent.signaling.protocol.json_limits import MAX_PAYLOAD
from tests.faults.fuzz.odd_values import (
    CONVERSATION,
    ODD_NUMBERS,
    ODD_TEXTS,
    ODD_VALUES,
    RAW_LITERALS,
)
from tests.webrtc.offers import BROWSER_OFFER

CANDIDATE = "candidate:1 1 udp 2130706431 192.0.2.9 50000 typ host generation 0"
SENT_AT = "2027-01-15T08:00:00.000Z"
HEAD = {"conversation": CONVERSATION, "party": "fuzz"}
MESSAGES: tuple[dict[str, Any], ...] = (
    {
        "type": "invite",
        "sdp": BROWSER_OFFER,
        "sentAt": SENT_AT,
        "lifetime": 30,
        "userData": {"a": [1, None]},
    },
    {
        "type": "invite",
        "sdp": "v=0",
        "sentAt": SENT_AT,
        "iceServers": [{"urls": ["stun:192.0.2.1"], "username": "u"}],
    },
    {"type": "ringing", "expiresIn": 12.5},
    {"type": "response", "callStatus": "ACCEPTED", "sdp": BROWSER_OFFER},
    {"type": "response", "callStatus": "TIMEOUT", "reason": "expired", "now": SENT_AT},
    {"type": "select", "selectedParty": "fuzz"},
    {"type": "candidate", "candidate": {"candidate": CANDIDATE, "sdpMid": "0", "sdpMLineIndex": 0}},
    {"type": "candidate", "candidate": None},
    {"type": "offer", "generation": 1, "sdp": BROWSER_OFFER},
    {"type": "answer", "generation": 1, "sdp": BROWSER_OFFER},
    {"type": "close", "reason": "user_hangup"},
    {"type": "error", "code": "invalid", "message": "what you said"},
)
COMMAND_BODIES: tuple[dict[str, Any], ...] = (
    {"to": ["front-desk", "b"], "mode": "sequential", "lifetime": 30, "id": "1"},
    {"conversation": CONVERSATION},
    {"audio": True, "video": False},
    {"override": "accept", "until": SENT_AT},
    {"override": None},
    {"speaker": 0, "microphone": 100},
    {},
)
_LITERAL = re.compile(r'"[^"\\]*"|-?\d+(?:\.\d+)?|true|false|null')
_NUMBER = re.compile(r"\d+")


def message(random: Random) -> bytes:
    """A signalling message, mostly with a fault or two."""
    return payload(random, {**random.choice(MESSAGES), **HEAD})


def command(random: Random) -> tuple[str, bytes]:
    """A verb, and what may stand in its payload."""
    verb = random.choice([*COMMANDS, *COMMANDS, "dance", "", "Call", "x" * 65])
    return verb, payload(random, random.choice(COMMAND_BODIES))


def payload(random: Random, value: dict[str, Any]) -> bytes:
    """`value` as JSON, with faults in its fields, in its text or in its bytes."""
    value = json.loads(json.dumps(value))
    for _ in range(random.choice((0, 1, 1, 2, 5))):
        _change_field(random, value)
    if isinstance(value.get("sdp"), str) and random.random() < 0.7:
        value["sdp"] = description(random, value["sdp"])
    if isinstance(value.get("candidate"), dict) and random.random() < 0.7:
        value["candidate"]["candidate"] = candidate(random)
    text = json.dumps(value, ensure_ascii=random.random() < 0.5)
    if random.random() < 0.25:
        text = _change_literal(random, text)
    data = text.encode("utf-8", "surrogatepass")
    return random.choice(_BYTES)(random, data) if random.random() < 0.25 else data


def topic(random: Random) -> str:
    """Mostly one of the protocol's, for or from somebody."""
    levels = [
        "callbox",
        "v1",
        "door-1",
        random.choice(("signal", "command", "events", "status")),
        "front-desk",
    ]
    for _ in range(random.choice((0, 1, 1, 2))):
        at = random.randrange(len(levels))
        match random.randrange(4):
            case 0:
                levels[at] = random.choice(ODD_TEXTS)
            case 1:
                del levels[at]
                levels = levels or [""]
            case 2:
                levels.insert(at, levels[at])
            case _:
                levels[at] = levels[at].swapcase()
    return "/".join(levels)


def candidate(random: Random) -> str:
    """A candidate line, mostly with a wrong word."""
    words = CANDIDATE.split(" ")
    for _ in range(random.choice((0, 1, 1, 3))):
        at = random.randrange(len(words))
        match random.randrange(4):
            case 0:
                words[at] = random.choice(ODD_TEXTS)
            case 1:
                words[at] = str(random.choice(ODD_NUMBERS))
            case 2:
                words.insert(at, random.choice(("raddr", "rport", "tcptype", "typ", "x")))
            case _:
                del words[at]
                words = words or [""]
    return random.choice((" ", " ", " ", "  ", "\t", "")).join(words)


def description(random: Random, sdp: str = BROWSER_OFFER) -> str:
    """A description with lines dropped, doubled, moved, changed, or far too many of them."""
    lines = sdp.splitlines() or [""]
    for _ in range(random.choice((1, 1, 2, 4, 10))):
        lines = random.choice(_LINES)(random, lines) or ["v=0"]
    return random.choice(("\r\n", "\r\n", "\r\n", "\n", "\r", "\x85", " ")).join(
        lines
    ) + random.choice(("\r\n", ""))


def _change_field(random: Random, value: Any) -> None:
    """Something about one field of `value`, at any depth."""
    while isinstance(value, dict | list) and value:
        key = (
            random.choice(list(value)) if isinstance(value, dict) else random.randrange(len(value))
        )
        if isinstance(value[key], dict | list) and value[key] and random.random() < 0.6:
            value = value[key]
            continue
        match random.randrange(4):
            case 0:
                del value[key]
            case 1 if isinstance(value, dict):
                value[random.choice(ODD_TEXTS[:20])] = deepcopy(random.choice(ODD_VALUES))
            case 2 if isinstance(value[key], str):
                value[key] = _cut(random, value[key])
            case _:
                value[key] = deepcopy(random.choice(ODD_VALUES))
        return


def _cut(random: Random, text: str) -> str:
    at = random.randint(0, len(text))
    return random.choice(
        (text[:at], text[at:], text[:at] + random.choice(ODD_TEXTS) + text[at:], text * 3)
    )


def _change_literal(random: Random, text: str) -> str:
    """One value is no JSON any more, or JSON that is not wanted."""
    found = list(_LITERAL.finditer(text))
    if not found:
        return random.choice(RAW_LITERALS)
    chosen = random.choice(found)
    return text[: chosen.start()] + random.choice(RAW_LITERALS) + text[chosen.end() :]


def _flip(random: Random, data: bytes) -> bytes:
    changed = bytearray(data or b"{}")
    for _ in range(random.randint(1, 5)):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def _fill(random: Random, data: bytes) -> bytes:
    """As long as a payload may be, and around it."""
    return data + b" " * max(0, MAX_PAYLOAD - len(data) + random.choice((-1, 0, 0, 1)))


_BYTES: tuple[Callable[[Random, bytes], bytes], ...] = (
    _flip,
    _fill,
    lambda random, data: data[: random.randint(0, len(data))],
    lambda random, data: random.randbytes(random.randrange(200)),
    lambda random, data: b"\xef\xbb\xbf" + data,
    lambda random, data: data.decode("utf-8", "replace").encode("utf-16"),
    lambda random, data: data + data,
    lambda random, data: b"",
    lambda random, data: b"[" + data + b"]",
)


def _drop(random: Random, lines: list[str]) -> list[str]:
    at, count = random.randrange(len(lines)), random.choice((1, 1, 3, 20))
    return lines[:at] + lines[at + count :]


def _double(random: Random, lines: list[str]) -> list[str]:
    at, count = random.randrange(len(lines)), random.choice((1, 1, 2, 25, 300))
    return lines[:at] + [lines[at]] * count + lines[at:]


def _move(random: Random, lines: list[str]) -> list[str]:
    moved = list(lines)
    line = moved.pop(random.randrange(len(moved)))
    moved.insert(random.randint(0, len(moved)), line)
    return moved


def _renumber(random: Random, lines: list[str]) -> list[str]:
    """A number becomes another one, mostly out of its range."""
    at = random.randrange(len(lines))
    found = list(_NUMBER.finditer(lines[at]))
    if not found:
        return lines
    chosen = random.choice(found)
    number = str(random.choice((*ODD_NUMBERS, "٣", "", "9" * 5000)))
    return [
        *lines[:at],
        lines[at][: chosen.start()] + number + lines[at][chosen.end() :],
        *lines[at + 1 :],
    ]


def _reword(random: Random, lines: list[str]) -> list[str]:
    at = random.randrange(len(lines))
    words = re.split(r"([ :;=/])", lines[at])
    words[random.randrange(len(words))] = random.choice(ODD_TEXTS)
    return [*lines[:at], "".join(words), *lines[at + 1 :]]


def _insert(random: Random, lines: list[str]) -> list[str]:
    at = random.randint(0, len(lines))
    return [*lines[:at], *random.choice(_INSERTED)(random), *lines[at:]]


def _repeat_section(random: Random, lines: list[str]) -> list[str]:
    starts = [at for at, line in enumerate(lines) if line.startswith("m=")]
    if not starts:
        return lines
    at = random.choice(starts)
    end = next((start for start in starts if start > at), len(lines))
    return lines + lines[at:end] * random.choice((1, 2, 30))


_LINES: tuple[Callable[[Random, list[str]], list[str]], ...] = (
    *(_drop, _double, _move, _renumber, _renumber, _reword, _reword, _insert, _insert),
    _repeat_section,
)


def _numbered(line: str) -> Callable[[Random], list[str]]:
    return lambda random: [
        line.format(number) for number in range(random.choice((1, 5, 30, 200, 1000)))
    ]


_INSERTED: tuple[Callable[[Random], list[str]], ...] = (
    _numbered("a=candidate:{0} 1 udp 1 192.0.2.1 {0} typ host"),
    _numbered("a=rtpmap:{0} H264/90000"),
    _numbered("a=fmtp:{0} packetization-mode=1;profile-level-id=42e01f"),
    _numbered("a=rtcp-fb:{0} nack pli"),
    _numbered("a=ssrc:{0} cname:x"),
    _numbered("a=ssrc-group:FID {0} {0}"),
    _numbered("a=extmap:{0} urn:ietf:params:rtp-hdrext:sdes:mid"),
    _numbered("a=fingerprint:sha-256 {0:02x}"),
    _numbered("a=group:BUNDLE {0}"),
    _numbered("a=mid:{0}"),
    _numbered("m=video 9 UDP/TLS/RTP/SAVPF {0}"),
    _numbered("m=application 9 UDP/DTLS/SCTP webrtc-datachannel"),
    _numbered("a=rid:{0} send"),
    lambda random: [
        random.choice(
            (
                "a=setup:",
                "a=setup:holdconn",
                "a=setup:active",
                "a=ice-lite",
                "a=inactive",
                "a=bundle-only",
            )
        )
    ],
    lambda random: [
        random.choice(
            ("a=", "a", "=", "", "m=", "m=video", "m=video 9", "c=IN IP6 ::", "c=IN IP4", "b=AS:0")
        )
    ],
    lambda random: [
        random.choice(
            (
                "a=rtcp:",
                "a=rtcp:9",
                "a=rtpmap:",
                "a=rtpmap:96",
                "a=rtpmap:96 /",
                "a=fmtp:96",
                "a=fmtp:96 =;=",
            )
        )
    ],
    lambda random: [
        random.choice(
            (
                "a=sctpmap:5000 x 65536",
                "a=sctpmap:x",
                "a=sctp-port:0",
                "a=max-message-size:x",
                "a=msid:",
                "a=ssrc:",
            )
        )
    ],
    lambda random: ["a=" + "x" * random.choice((10, 4093, 4094, 4095, 40_000))],
)
