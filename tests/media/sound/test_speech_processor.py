"""Which binding of WebRTC's audio processing is taken; what it does: test_echo_canceller.py."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ModuleSpec

import pytest

from agent.errors import MediaUnavailable
from agent.media.sound import speech_processor
from agent.media.sound.speech_processor import (
    FRAME_SAMPLES,
    PROCESSORS,
    Processing,
    installed_processor,
    make_processor,
)

SILENCE = bytes(2 * FRAME_SAMPLES)


def install(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """Exactly these."""

    def find(name: str) -> ModuleSpec | None:
        return ModuleSpec(name, None) if name in packages else None

    monkeypatch.setattr(importlib.util, "find_spec", find)


@pytest.mark.parametrize(
    ("packages", "taken"),
    [
        ((), None),
        (("livekit",), "livekit"),
        (("pywebrtc_audio",), "pywebrtc_audio"),
        (("livekit", "pywebrtc_audio"), "pywebrtc_audio"),
    ],
)
def test_speech_processor_of_what_is_installed(
    monkeypatch: pytest.MonkeyPatch, packages: tuple[str, ...], taken: str | None
) -> None:
    install(monkeypatch, *packages)
    assert installed_processor() == taken


def test_speech_processor_of_none_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    with pytest.raises(MediaUnavailable, match="no module for it is installed"):
        make_processor(Processing())


@pytest.mark.parametrize("package", PROCESSORS)
def test_speech_processor_that_does_not_load_is_unavailable(
    monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    install(monkeypatch, package)
    for name in ("pywebrtc_audio", "livekit.rtc"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MediaUnavailable, match="echo cannot be canceled"):
        make_processor(Processing())


@pytest.mark.media
@pytest.mark.parametrize("package", PROCESSORS)
@pytest.mark.parametrize("wanted", [Processing(), Processing(echo=False)])
def test_speech_processor_gives_a_frame_for_a_frame(package: str, wanted: Processing) -> None:
    pytest.importorskip(package)
    processor = speech_processor.PROCESSORS[package](wanted)
    assert [len(processor.process(SILENCE, SILENCE, 80)) for _ in range(3)] == [len(SILENCE)] * 3
