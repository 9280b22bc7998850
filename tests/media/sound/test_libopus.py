"""Where libopus is found."""

from __future__ import annotations

import subprocess
import sys

import pytest

from agent.errors import MediaUnavailable
from agent.media.sound import libopus


@pytest.fixture(autouse=True)
def _forgotten() -> None:
    libopus.load.cache_clear()


def test_libopus_of_the_system_is_the_last_resort() -> None:
    assert libopus.candidates()[-1] == "libopus.so.0"
    assert libopus.load().opus_get_version_string


def test_libopus_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libopus, "candidates", lambda: ["libopus.so.none"])
    with pytest.raises(MediaUnavailable, match="install libopus0"):
        libopus.load()


def test_libopus_is_loaded_without_ffmpeg() -> None:
    load = "from agent.media.sound import libopus; libopus.load()"
    program = f"import sys; {load}; print('av' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_describe_of_an_error() -> None:
    assert libopus.describe(libopus.load(), -4) == "corrupted stream"
