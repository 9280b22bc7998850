"""Sound through the whole path, both ways: a tone of each side is heard at the other."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from av.audio.resampler import AudioResampler

from agent.ports import AUDIO_CLOCK_RATE
from tests.conftest import Mosquitto
from tests.e2e.device import Watcher, call, device
from tests.media.tones import amplitude_of, read_wav, write_tone

pytestmark = [pytest.mark.broker, pytest.mark.media]

OURS, THEIRS = 700, 1100  # Hz
# of the 8000 that are sent
HEARD = 2000


async def test_sound_of_each_side_is_heard_at_the_other(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tone(tmp_path / "ours.wav", OURS, 2)
    write_tone(tmp_path / "theirs.wav", THEIRS, 2)
    heard, recording = tmp_path / "heard.wav", tmp_path / "call.mkv"
    monkeypatch.setenv("CALLBOX_AUDIO__CAPTURE", f"file:{tmp_path / 'ours.wav'}")
    monkeypatch.setenv("CALLBOX_AUDIO__PLAYBACK", f"file:{heard}")
    monkeypatch.setenv("CALLBOX_AUDIO__MODE", "duplex")
    async with device(tmp_path, mosquitto, watcher):
        theirs = ("--audio", f"file:{tmp_path / 'theirs.wav'}")
        caller = await call(
            tmp_path, mosquitto, "--seconds", "3", "--record", str(recording), *theirs
        )
        code, _ = await caller.finish()
        await watcher.wait("door-1/events/closed")
    assert code == 0, caller.log()
    played = read_wav(heard)
    assert amplitude_of(played, THEIRS) > HEARD
    assert amplitude_of(played, OURS) < HEARD / 10
    assert amplitude_of(recorded(recording), OURS) > HEARD


def recorded(path: Path) -> bytes:
    resampler = AudioResampler(format="s16", layout="mono", rate=AUDIO_CLOCK_RATE)
    samples = b""
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            for part in resampler.resample(frame):
                samples += bytes(part.planes[0])[: 2 * part.samples]
    return samples
