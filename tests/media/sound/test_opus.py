"""What is sent of speech, of silence and of pauses."""

from __future__ import annotations

import random
from array import array

import pytest

from agent.errors import MediaUnavailable
from agent.media.sound import libopus
from agent.media.sound.opus import FRAME_BYTES, FRAME_SAMPLES, OpusEncoder
from agent.media.sound.opus_packet import PAUSE, SILENCE, begins_pause, samples_of
from agent.ports import AudioPacket
from tests.fakes.opus_stream import Tone
from tests.fakes.voice import voice

pytestmark = pytest.mark.media
SILENT = bytes(FRAME_BYTES)


def tone(count: int) -> list[bytes]:
    sine = Tone(220)
    return [sine.at(FRAME_SAMPLES * number, FRAME_SAMPLES) for number in range(count)]


def encode(encoder: OpusEncoder, frames: list[bytes]) -> list[AudioPacket]:
    return [packet for frame in frames for packet in encoder.encode(frame)]


def test_opus_encoder_makes_packets_of_20_ms_within_32_kbit() -> None:
    packets = encode(OpusEncoder(), tone(100))
    assert [packet.pts for packet in packets] == [960 * number for number in range(100)]
    assert all(samples_of(packet.data) == FRAME_SAMPLES for packet in packets)
    # 2 s
    assert 24_000 * 2 / 8 < sum(len(packet.data) for packet in packets) < 34_000 * 2 / 8


def test_opus_encoder_of_silence_sends_a_packet_each_400_ms() -> None:
    packets = encode(OpusEncoder(), [SILENT] * 50)
    assert [(packet.pts // 960, packet.data) for packet in packets] == [
        (0, SILENCE),
        (1, SILENCE),
        (2, PAUSE),
        (22, PAUSE),
        (42, PAUSE),
    ]


def test_opus_encoder_after_silence_goes_on_in_time() -> None:
    packets = encode(OpusEncoder(), [*tone(10), *[SILENT] * 10, *tone(10)])
    spoken = [packet.pts // 960 for packet in packets if len(packet.data) > len(SILENCE)]
    assert spoken == [*range(10), *range(20, 30)]


def test_opus_encoder_of_a_quiet_room_pauses() -> None:
    rng = random.Random(1)
    noise = [
        array("h", [round(rng.gauss(0, 8)) for _ in range(FRAME_SAMPLES)]).tobytes()
        for _ in range(150)
    ]
    packets = encode(OpusEncoder(), [*tone(50), *noise])
    assert len(packets) < 150
    assert sum(begins_pause(packet.data) for packet in packets) >= 1


def test_opus_encoder_repeats_packets_where_some_are_lost() -> None:
    encoder, speech = OpusEncoder(), voice(50)

    def repeating(frames: list[bytes]) -> int:
        """SILK alone: bit 6 of the frame says it (RFC 6716 4.2.3)."""
        packets = [packet.data for packet in encode(encoder, frames)]
        return sum(data[0] >> 3 < 16 and bool(data[1] & 0x40) for data in packets)

    assert not repeating(speech)
    encoder.expect_loss(0.1)
    assert repeating(speech) > 10
    encoder.expect_loss(0.005)
    encode(encoder, speech)
    assert not repeating(speech)


def test_opus_encoder_without_libopus_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise MediaUnavailable("no libopus")

    monkeypatch.setattr(libopus, "load", missing)
    with pytest.raises(MediaUnavailable):
        OpusEncoder()
