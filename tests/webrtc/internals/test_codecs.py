"""What aiortc negotiates for us."""

from __future__ import annotations

import aiortc.clock
import aiortc.codecs
import aiortc.rtcdtlstransport
from aiortc.codecs import HEADER_EXTENSIONS

from agent.webrtc import internals as inside
from agent.webrtc.internals.header_extensions import PLAYOUT_DELAY


def test_codecs_are_added_once_with_free_payload_types() -> None:
    inside.configure()
    inside.configure()
    video = aiortc.codecs.CODECS["video"]
    types = [codec.payloadType for codec in video]
    assert len(set(types)) == len(types)
    assert all(96 <= kind <= 127 for kind in types if kind is not None)
    profiles = [
        codec.parameters["profile-level-id"] for codec in video if codec.mimeType == "video/H264"
    ]
    assert profiles == ["42001f", "42e01f", "4d001f", "64001f"]


def test_codecs_playout_delay_is_added_once_with_a_free_id() -> None:
    inside.configure()
    inside.configure()
    extensions = {
        kind: {each.id: each.uri for each in known} for kind, known in HEADER_EXTENSIONS.items()
    }
    assert [at for at, uri in extensions["video"].items() if uri == PLAYOUT_DELAY] == [4]
    # bundled sections share their ids (RFC 8843)
    assert 4 not in extensions["audio"]


def test_codecs_of_sound_ask_for_packets_that_make_up_for_lost_ones_and_for_pauses() -> None:
    inside.configure()
    (opus,) = (codec for codec in aiortc.codecs.CODECS["audio"] if codec.mimeType == "audio/opus")
    assert opus.parameters == {"minptime": "10", "useinbandfec": "1", "usedtx": "1"}
