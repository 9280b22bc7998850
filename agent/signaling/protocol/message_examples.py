"""An example of every message (PROTOCOL 2, 5, 6): for config/asyncapi.json and docs/messages.md."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_CONVERSATION = "6f1c2a34-5b6d-4e7f-8a90-1b2c3d4e5f60"
_NOW = "2026-11-22T10:15:00.123Z"
_SDP = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n..."


def _signal(type_: str, **fields: Any) -> Json:
    return {"type": type_, "conversation": _CONVERSATION, "party": "k3v9x1qa", **fields}


def _event(name: str, **fields: Any) -> Json:
    return {
        "event": name,
        "eventId": "3f0c5f2e-9d1c-4f0e-8a51-0f8f3e0f6c11",
        "device": "door-1",
        "conversation": _CONVERSATION,
        "remoteUid": "front-desk",
        "direction": "incoming",
        "timestamp": _NOW,
        **fields,
    }


def _door_event(name: str, **fields: Any) -> Json:
    """Without the fields of a conversation."""
    event = _event(name, **fields)
    return {key: each for key, each in event.items() if key not in ("remoteUid", "direction")}


def _command(**fields: Any) -> Json:
    return {"id": "kitchen-17", "issuedAt": _NOW, **fields}


_SIGNALS: dict[str, Json] = {
    "invite": _signal(
        "invite", sdp=_SDP, sentAt=_NOW, lifetime=30, userData={"name": "Front desk"}
    ),
    "ringing": _signal("ringing", expiresIn=30.0),
    "response": _signal("response", callStatus="ACCEPTED", sdp=_SDP),
    "select": _signal("select", selectedParty="m2c8w4ze"),
    "candidate": _signal(
        "candidate",
        candidate={
            "candidate": "candidate:1 1 udp 2130706431 192.0.2.7 50000 typ host",
            "sdpMid": "0",
            "sdpMLineIndex": 0,
        },
    ),
    "offer": _signal("offer", generation=1, sdp=_SDP),
    "answer": _signal("answer", generation=1, sdp=_SDP),
    "close": _signal("close", reason="user_hangup"),
    "open": _signal("open", output="front-door", issuedAt=_NOW, code="4711"),
    "opened": _signal("opened", output="front-door", issuedAt=_NOW),
    "talk": _signal("talk", on=True),
    "error": _signal("error", code="unusable_sdp", message="offer: no fingerprint"),
}
_TRANSPORT = {
    "localCandidateType": "host",
    "remoteCandidateType": "srflx",
    "protocol": "udp",
    "relayed": False,
    "currentRoundTripTime": 0.021,
}
_EVENTS: dict[str, Json] = {
    "called": _event("called", userData={"name": "Front desk"}),
    "response": _event("response", callStatus="ACCEPTED", rule="the front desk"),
    "stream_received": _event("stream_received", tracks=[{"kind": "audio", "codec": "opus"}]),
    "closed": _event(
        "closed",
        reason="user_hangup",
        closedBy="remote",
        callStatus="ACCEPTED",
        invitedAt="2026-11-22T10:14:00.000Z",
        answeredAt="2026-11-22T10:14:00.031Z",
        connectedAt="2026-11-22T10:14:00.246Z",
        endedAt=_NOW,
        duration=59.877,
        setup={"response": 31.0, "ice": 120.0, "dtls": 246.0, "firstFrame": 262.0},
        path={"local": "host", "remote": "srflx", "protocol": "udp", "relayed": False},
        reconnects=0,
        video={
            "codec": "H264",
            "frameWidth": 1280,
            "frameHeight": 720,
            "framesSent": 1794,
            "meanBitrateSent": 1_900_000,
            "meanFramesPerSecondSent": 29.9,
            "degradedDuration": 2.0,
            "qualityLimitationDurations": {"none": 57.9, "bandwidth": 2.0},
            "worstInterval": {
                "after": 12.0,
                "duration": 2.0,
                "framesPerSecond": 11.5,
                "bitrate": 420_000,
                "fractionLost": 0.08,
                "roundTripTime": 0.19,
            },
        },
        quality={
            "mos": 4.3,
            "model": "e-model-simplified",
            "video": {"score": 4.7, "model": "callbox-picture-1"},
            "audio": {"score": 4.3, "model": "e-model-simplified"},
        },
    ),
    "error": _event("error", code="dtls_failed", message="DTLS: no shared cipher"),
    "local_stats": _event(
        "local_stats",
        video={
            "frameWidth": 1280,
            "frameHeight": 720,
            "framesPerSecond": 30.0,
            "bytesSent": 4_812_331,
            "bitrate": 1_912_000,
            "codec": "H264",
        },
        transport=_TRANSPORT,
    ),
    "remote_stats": _event(
        "remote_stats",
        audio={"bytesReceived": 81_220, "bitrate": 31_800, "delay": 38.5, "jitter": 0.004},
        transport=_TRANSPORT,
    ),
    "ring": _door_event("ring", button="front", targets=["family-kitchen", "family-phone"]),
    "missed": _door_event(
        "missed",
        button="front",
        targets=["family-kitchen", "family-phone"],
        message="2026-11-22T10-15-00-front",
    ),
    "output": _door_event("output", output="front-door", action="open", by="front-desk"),
    "command_result": {
        "event": "command_result",
        "eventId": "3f0c5f2e-9d1c-4f0e-8a51-0f8f3e0f6c11",
        "device": "door-1",
        "timestamp": _NOW,
        "verb": "snapshot",
        "id": "kitchen-17",
        "ok": False,
        "code": "privacy_mode",
        "message": "the camera is closed: privacy is on",
    },
}
_COMMANDS: dict[str, Json] = {
    "call": _command(to=["family-kitchen", "family-phone"], mode="parallel", lifetime=30),
    "accept": _command(),
    "reject": _command(),
    "close": _command(conversation=_CONVERSATION),
    "mute": _command(audio=True),
    "snapshot": _command(),
    "reload": _command(),
    "policy": _command(override="ring", until="2026-11-22T22:00:00.000Z"),
    "volume": _command(speaker=80, microphone=100),
    "open": _command(output="front-door", code="4711"),
    "privacy": _command(on=True),
    "silence": _command(seconds=3600),
    "say": _command(message="leave-it-at-the-door"),
    "messages": _command(),
    "play": _command(name="2026-11-22T10-15-00-front"),
    "delete": _command(name="2026-11-22T10-15-00-front"),
    "result": {"ok": True},
}
_OF_DEVICE: dict[str, Json] = {
    "status": {
        "state": "online",
        "busy": False,
        "conversations": 0,
        "since": _NOW,
        "version": "0.1.0",
        "bootId": "0b6f2d9e4a7c4f52",
        "camera": "ok",
        "privacy": False,
    },
    "about": {
        "uid": "door-1",
        "model": "Raspberry Pi Zero 2 W Rev 1.0",
        "version": "0.1.0",
        "camera": "imx708",
        "encoder": "bcm2835-codec-encode",
        "videoCodecs": ["H264"],
        "audio": {"capture": True, "playback": True, "mode": "duplex", "echo": "webrtc"},
        "maxConversations": 1,
        "maxViewers": 4,
        "maxWidth": 1280,
        "maxHeight": 720,
        "outputs": [{"name": "front-door", "kind": "door", "code": True}],
        "commands": ["close", "reject", "mute", "reload"],
        "messages": ["leave-it-at-the-door"],
        "policyHash": "9f86d081884c7d65",
        "configHash": "60303ae22b998861",
        "restarts": 0,
    },
    "settings": {
        "privacy": False,
        "silencedUntil": None,
        "speaker": 80,
        "microphone": 100,
        "override": {"action": "ring", "until": "2026-11-22T22:00:00.000Z"},
    },
    "output": {"state": "off", "since": _NOW, "by": "front-desk", "contact": "closed"},
    "call": {
        "state": "in_call",
        "conversation": _CONVERSATION,
        "remoteUid": "front-desk",
        "direction": "incoming",
        "since": _NOW,
    },
    "health": {
        "timestamp": _NOW,
        "temperatureCelsius": 51.5,
        "throttled": False,
        "undervoltage": False,
        "memoryAvailableBytes": 218_103_808,
        "residentBytes": 84_934_656,
        "load1": 0.4,
        "diskFreeBytes": 11_811_160_064,
        "wifi": {"rssiDbm": -61, "linkMbps": 65.0},
        "uptimeSeconds": 86_401.0,
        "processUptimeSeconds": 86_340.5,
        "restarts": 0,
        "clockSynchronized": True,
        "outboxWaiting": 0,
        "crashes": 0,
        "counters": {"refusedDatagrams": 12, "throttledMessages": 0},
        "faults": ["microphone_lost"],
    },
}

EXAMPLES: dict[str, Json] = {
    **{f"signal-{name}": message for name, message in _SIGNALS.items()},
    **{f"event-{name}": message for name, message in _EVENTS.items()},
    **{f"command-{name}": message for name, message in _COMMANDS.items()},
    **_OF_DEVICE,
}
"""By the name of the message's schema."""
