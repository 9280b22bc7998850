from __future__ import annotations

from array import array
from itertools import islice
from pathlib import Path

import av
import pytest

from agent.errors import MediaEnded, MediaUnavailable
from agent.media.sound import audio_source
from agent.media.sound.audio_hub import AudioHub
from agent.media.sound.audio_source import SoundFileSource, ToneSource, read_sound, tone_pulse
from agent.media.sound.opus import FRAME_BYTES, FRAME_SAMPLES, OpusEncoder
from agent.media.sound.push_to_talk import TalkGate
from agent.ports import AudioPacket
from tests.media.clips import write_clip, write_sound
from tests.media.sound.restarts import losses_expected

pytestmark = pytest.mark.media


def loudness(samples: bytes) -> int:
    return max(abs(sample) for sample in array("h", samples))


def decode(packets: list[AudioPacket]) -> bytes:
    decoder = av.CodecContext.create("libopus", "r")
    decoder.format, decoder.layout, decoder.sample_rate = "s16", "mono", 48_000
    return b"".join(
        bytes(frame.planes[0])[: 2 * frame.samples]
        for p in packets
        for frame in decoder.decode(av.Packet(p.data))
    )


def test_opus_packets_are_20_ms_each_and_small() -> None:
    encoder = OpusEncoder()
    packets = [packet for samples in tone_pulse() * 10 for packet in encoder.encode(samples)]
    assert [packet.pts for packet in packets] == [
        number * FRAME_SAMPLES for number in range(len(packets))
    ]
    assert len(packets) >= 59
    assert 8 * 50 * sum(len(packet.data) for packet in packets) / len(packets) < 60_000
    assert loudness(decode(packets)) > 1000


def heard(times: list[float]) -> list[bool]:
    """Whether the frame that is sent at each of these times is loud."""
    clock = [0.0]
    frames = ToneSource(lambda: clock[0])._frames()

    def listen(at: float) -> bool:
        clock[0] = at
        return loudness(next(frames)) > 50

    return [listen(at) for at in times]


def test_audio_source_tone_is_there_for_120_ms_of_each_second() -> None:
    assert heard([100 + number / 50 for number in range(100)]) == ([True] * 6 + [False] * 44) * 2


def test_audio_source_jittering_clock_neither_breaks_nor_repeats_a_pulse() -> None:
    assert heard([99.992 + number / 50 for number in range(50)]) == [True] * 6 + [False] * 44
    assert heard([100.0, 500.5, 500.6, 500.7, 777.0, 777.5, 777.6]) == [True] * 6 + [False]


def test_audio_source_pulse_swells_and_fades() -> None:
    frames = tone_pulse()
    peaks = [loudness(samples) for samples in frames]
    assert peaks[0] < peaks[1] < peaks[2]
    assert peaks[5] < peaks[4] < peaks[3]
    assert array("h", frames[0])[0] == 0
    assert max(peaks) <= 3000


def test_audio_source_file_is_mixed_down_and_resampled(tmp_path: Path) -> None:
    frames = list(read_sound(write_sound(tmp_path / "voice.wav", seconds=0.3)))
    assert {len(samples) for samples in frames} == {FRAME_BYTES}
    assert len(frames) in {14, 15}
    assert 4000 < loudness(b"".join(frames)) < 8200


async def test_audio_source_sends_what_its_gate_lets_pass() -> None:
    gate = TalkGate()
    gate.talk("alice", True)
    hub = AudioHub(ToneSource(lambda: 100.0, gate))
    subscription = await hub.subscribe()
    packets = [await subscription.next() for _ in range(10)]
    await hub.close()
    assert loudness(decode(packets)) < 10


async def test_audio_source_file_loops(tmp_path: Path) -> None:
    hub = AudioHub(SoundFileSource(write_sound(tmp_path / "voice.wav", seconds=0.1)))
    subscription = await hub.subscribe()
    packets = [await subscription.next() for _ in range(12)]
    await hub.close()
    assert [packet.pts for packet in packets] == [number * FRAME_SAMPLES for number in range(12)]
    with pytest.raises(MediaEnded):
        await subscription.next()


@pytest.mark.parametrize("name", ["missing.wav", "junk.wav", "silent.mp4", "short.wav"])
async def test_audio_source_what_gives_no_sound_is_unavailable(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "junk.wav":
        path.write_bytes(b"junk" * 500)
    elif name == "silent.mp4":
        write_clip(path)
    elif name == "short.wav":
        write_sound(path, seconds=0.005)
    hub = AudioHub(SoundFileSource(path))
    with pytest.raises(MediaUnavailable, match=name):
        await hub.subscribe()
    await hub.close()


class CountingEncoder(OpusEncoder):
    def __init__(self) -> None:
        super().__init__()
        self.encoded = 0

    def encode(self, samples: bytes) -> list[AudioPacket]:
        self.encoded += 1
        return super().encode(samples)


def test_audio_source_file_is_encoded_once_for_each_loss(tmp_path: Path) -> None:
    source = SoundFileSource(write_sound(tmp_path / "voice.wav", seconds=0.2))
    encoder = CountingEncoder()
    made = [packet for packets in islice(source._packets(encoder), 30) for packet in packets]
    frames = encoder.encoded
    assert 9 <= frames <= 10
    assert [packet.pts for packet in made] == [number * FRAME_SAMPLES for number in range(30)]
    assert [packet.data for packet in made[:frames]] == [
        packet.data for packet in made[frames : 2 * frames]
    ]
    packets = source._packets(encoder)
    list(islice(packets, 15))
    encoder.expect_loss(0.1)
    list(islice(packets, 2 * frames))
    assert encoder.encoded == 3 * frames


async def test_audio_source_that_starts_again_expects_the_loss_that_was_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await losses_expected(monkeypatch, audio_source, ToneSource()) == [0.1, 0.2, 0.2]


def test_audio_source_file_behind_a_gate_is_encoded_anew(tmp_path: Path) -> None:
    source = SoundFileSource(write_sound(tmp_path / "voice.wav", seconds=0.2), TalkGate())
    encoder = CountingEncoder()
    list(islice(source._packets(encoder), 30))
    assert encoder.encoded == 30
