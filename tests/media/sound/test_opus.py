"""libopus for a call."""

from __future__ import annotations

import av

from agent.media.sound.opus import FRAME_BYTES, FRAME_SAMPLES, OpusEncoder


def test_opus_encoder_packets_follow_each_other_without_a_gap() -> None:
    encoder = OpusEncoder()
    packets = [packet for _ in range(10) for packet in encoder.encode(bytes(FRAME_BYTES))]
    assert len(packets) >= 9
    assert [packet.pts for packet in packets] == [
        number * FRAME_SAMPLES for number in range(len(packets))
    ]


def test_opus_encoder_packet_is_20_ms_of_48_khz() -> None:
    encoder = OpusEncoder()
    packets = [packet for _ in range(3) for packet in encoder.encode(bytes(FRAME_BYTES))]
    decoder = av.CodecContext.create("libopus", "r")
    frames = [frame for packet in packets for frame in decoder.decode(av.Packet(packet.data))]
    assert {(frame.samples, frame.sample_rate) for frame in frames} == {(FRAME_SAMPLES, 48_000)}
