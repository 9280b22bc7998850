"""A sound server of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.media.sound.pulse import Pulse, running_pulse


@pytest.fixture
def pulse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pulse]:
    """Running; its names are ALSA's for this test."""
    with running_pulse(tmp_path) as server:
        monkeypatch.setenv("ALSA_CONFIG_PATH", str(server.configuration))
        yield server
