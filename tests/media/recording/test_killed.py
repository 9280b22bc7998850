"""A recording whose process is killed: all but the last second of it can be played."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import av
import pytest

pytestmark = pytest.mark.media

SECONDS = 5
WRITER = """
import os, signal, sys
from pathlib import Path
from agent.media.recording.muxer import Muxer
from agent.ports import AccessUnit, DecodedAudio
from tests.media.recording.test_muxer import picture, sound
muxer = Muxer(Path(sys.argv[1]), video=True, audio=True)
units = [picture(number) for number in range(int(sys.argv[2]) * 30)]
for number, unit in enumerate(units):
    muxer.add_video(unit, number / 30)
    if sys.argv[3] == "sound":
        for each in range(5 * number // 3, 5 * (number + 1) // 3):
            muxer.add_audio(sound(each), each / 50)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("suffix", "heard"),
    [
        (".mkv", "silence"),
        (".mp4", "sound"),
        pytest.param(".mkv", "sound", marks=pytest.mark.further_case),
        pytest.param(".mp4", "silence", marks=pytest.mark.further_case),
        pytest.param(".mov", "silence", marks=pytest.mark.further_case),
    ],
)
def test_muxer_that_is_killed_has_written_all_but_the_last_second(
    tmp_path: Path, suffix: str, heard: str
) -> None:
    path = tmp_path / f"call{suffix}"
    command = [sys.executable, "-c", WRITER, str(path), str(SECONDS), heard]
    done = subprocess.run(command, check=False)
    assert done.returncode == -signal.SIGKILL
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    assert frames[0].time == 0
    assert (frames[-1].time or 0) > SECONDS - 1
    assert len(frames) > (SECONDS - 1) * 30
