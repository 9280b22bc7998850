"""libopus's decoder, and what it makes up."""

from __future__ import annotations

import math
from array import array

import pytest

from agent.media.sound.opus import FRAME_BYTES, OpusEncoder
from agent.media.sound.opus_decoder import OpusDecoder
from agent.media.sound.opus_packet import PAUSE, SILENCE
from tests.fakes.opus_stream import Tone

pytestmark = pytest.mark.media


def loudness(samples: bytes) -> float:
    values = array("h", samples)
    return math.sqrt(sum(value * value for value in values) / len(values))


def voiced(count: int, loss: float = 0.0) -> list[bytes]:
    encoder, tone = OpusEncoder(), Tone(220)
    encoder.expect_loss(loss)
    frames = (tone.at(960 * number, 960) for number in range(count))
    return [packet.data for frame in frames for packet in encoder.encode(frame)]


def test_opus_decoder_gives_what_was_encoded() -> None:
    decoder = OpusDecoder()
    for data in voiced(10):
        samples = decoder.decode(data)
    assert len(samples) == FRAME_BYTES
    assert 4000 < loudness(samples) < 7000


def test_opus_decoder_conceals_a_lost_packet() -> None:
    decoder = OpusDecoder()
    for data in voiced(10):
        decoder.decode(data)
    made_up = decoder.conceal(480)
    assert len(made_up) == 960
    assert loudness(made_up) > 2000


def test_opus_decoder_recovers_a_lost_packet_from_the_next() -> None:
    packets = voiced(12, loss=0.2)
    decoder = OpusDecoder()
    for data in packets[:-2]:
        decoder.decode(data)
    recovered = decoder.recover(packets[-1], 960)
    assert len(recovered) == FRAME_BYTES
    assert loudness(recovered) > 3000


def test_opus_decoder_with_nothing_to_recover_from_conceals() -> None:
    decoder = OpusDecoder()
    for data in voiced(10):
        decoder.decode(data)
    assert len(decoder.recover(b"\xff\xff\xff", 960)) == FRAME_BYTES


def test_opus_decoder_of_what_is_broken_fills_its_time() -> None:
    decoder = OpusDecoder()
    assert len(decoder.decode(b"\x7b\x3f\xff\xff")) == 0
    assert len(decoder.decode(b"\x79\xff")) == 2 * FRAME_BYTES
    assert decoder.decode(b"") == b""


def test_opus_decoder_of_silence_and_of_a_pause_is_silent() -> None:
    decoder = OpusDecoder()
    for data in [*voiced(5), SILENCE, SILENCE]:
        decoder.decode(data)
    assert loudness(decoder.decode(PAUSE)) == 0
    assert loudness(decoder.conceal(960)) == 0
