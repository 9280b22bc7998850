"""Which camera, encoder and sound there is."""

from __future__ import annotations

import pytest

from agent.doctor.devices import check_cameras, check_encoder, check_sound
from agent.doctor.findings import Verdict
from agent.media.base.video_source import VideoOptions
from agent.media.sound.sound_cards import SoundCard
from agent.settings import Settings


def settings(source: str = "pattern", capture: str = "none") -> Settings:
    return Settings.model_validate(
        {"uid": "door-1", "video": {"source": source}, "audio": {"capture": capture}}
    )


@pytest.mark.parametrize(
    ("source", "verdict"), [("pattern", Verdict.OK), ("file:/none.mp4", Verdict.FAILED)]
)
def test_check_cameras_judges_the_source(source: str, verdict: Verdict) -> None:
    _, found = check_cameras(settings(source), VideoOptions())
    assert (found.area, found.verdict) == ("video.source", verdict)
    assert bool(found.advice) is (verdict is Verdict.FAILED)


def test_check_encoder_of_a_file_is_none() -> None:
    assert "passed through" in check_encoder(settings("file:/clip.mp4")).text


@pytest.mark.parametrize(
    ("capture", "verdict"), [("pattern", Verdict.OK), ("none", Verdict.SKIPPED)]
)
def test_check_sound_tells_what_is_sent(
    monkeypatch: pytest.MonkeyPatch, capture: str, verdict: Verdict
) -> None:
    monkeypatch.setattr("agent.doctor.devices.sound_cards", list)
    found = check_sound(settings(capture=capture))
    assert found.verdict is verdict
    assert "no sound card" in found.text


def test_check_sound_names_the_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    card = SoundCard("Device", "USB Audio Device", 0, 0)
    monkeypatch.setattr("agent.doctor.devices.sound_cards", lambda: [card])
    found = check_sound(settings(capture="alsa:plughw:CARD=Device"))
    assert "audio.capture = alsa:plughw:CARD=Device is sent" in found.text
    assert "USB Audio Device (CARD=Device: microphone and loudspeaker)" in found.text
    assert found.figures["capture"] == "plughw:CARD=Device"
