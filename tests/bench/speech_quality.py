"""How well speech is heard over a bad path: MOS-LQO by PESQ (ITU-T P.862.2, wide band)."""

from __future__ import annotations

import asyncio
import random
import statistics
import subprocess
from pathlib import Path

import numpy as np

from agent.media.sound.audio_source import read_sound
from agent.media.sound.opus import FRAME_DURATION, OpusEncoder
from agent.media.sound.opus_decoder import OpusDecoder
from agent.media.sound.playout import Playout
from agent.ports import PCM_FRAME_BYTES, AudioPacket, ReceivedAudio
from tests.bench.figures import Figure, NotMeasured, spread
from tests.bench.scene import Scene
from tests.parts import require_part

TEXT = (
    "The parcel is too large for the letter box. Could you open the door, or shall I leave it with "
    "your neighbor on the second floor? There is a note from the post office as well."
)
LOSS, JITTER = 0.05, 0.03
_RATE = 16_000
_THIN = 3


async def measure_speech_quality(scene: Scene) -> list[Figure | NotMeasured]:
    """Encoder, a path in simulated time, jitter buffer, concealment and decoder; synthetic
    speech.
    """
    try:
        import pesq
    except ImportError:
        return [NotMeasured("quality of speech", "pip install 'callbox[bench]'")]
    spoken = await asyncio.to_thread(speak, scene.folder / "text.wav")
    figures: list[Figure | NotMeasured] = []
    for name, loss, jitter, repeats in (
        ("a path without loss", 0.0, 0.0, 1),
        ("5 % loss, 30 ms jitter", LOSS, JITTER, scene.count(12, 4)),
        ("the same, unless the loss were made up for by the encoder", LOSS, JITTER, 4),
    ):
        told = 0.0 if "unless" in name else loss
        scores = []
        for seed in range(repeats):
            heard = await asyncio.to_thread(transfer, spoken, loss, jitter, told, seed)
            scores.append(pesq.pesq(_RATE, thin(b"".join(spoken)), thin(heard), "wb"))
        label = f"quality of speech over {name}"
        figures.append(Figure(label, statistics.median(scores), "MOS-LQO", None, spread(scores)))
    return figures


def speak(path: Path) -> list[bytes]:
    """Frames of 20 ms, with half a second of silence at both ends."""
    program = require_part("espeak-ng")
    subprocess.run([program, "-w", str(path), TEXT], check=True, timeout=60)
    around = [bytes(2 * PCM_FRAME_BYTES)] * 25
    return [*around, *read_sound(path), *around]


def transfer(spoken: list[bytes], loss: float, jitter: float, told: float, seed: int) -> bytes:
    """What a card plays of it; `told`: the loss that the encoder provides for."""
    encoder, chance = OpusEncoder(), random.Random(seed)
    encoder.expect_loss(told)
    arriving = []
    for number, samples in enumerate(spoken):
        for packet in encoder.encode(samples):
            if chance.random() >= loss:
                at = number * FRAME_DURATION + chance.uniform(0, jitter)
                arriving.append(_received(packet, at))
    arriving.sort(key=lambda each: each.arrived_at, reverse=True)
    clock = [0.0]
    playout, heard = Playout(OpusDecoder(), lambda: clock[0]), []
    for frame in range(2 * len(spoken) + 50):
        clock[0] = frame / 100
        while arriving and arriving[-1].arrived_at <= clock[0]:
            playout.put(arriving.pop())
        heard.append(playout.read() or bytes(PCM_FRAME_BYTES))
    return b"".join(heard)


def thin(samples: bytes) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """48 to 16 kHz; speech has next to nothing above 8."""
    values = np.frombuffer(samples, np.int16).astype(float)
    kernel = np.sinc(np.arange(-24, 25) / _THIN) * np.hamming(49)
    found = np.convolve(values, kernel / kernel.sum(), "same")[::_THIN]
    return np.clip(found, -32_768, 32_767).astype(np.int16)


def _received(packet: AudioPacket, at: float) -> ReceivedAudio:
    return ReceivedAudio(packet.data, 1, (packet.pts // 960) & 0xFFFF, packet.pts, at)
