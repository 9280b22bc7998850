"""What the doctor hears of a card, and what it advises."""

from __future__ import annotations

import math

import pytest

from agent.doctor.echo_path import EchoPath
from agent.doctor.findings import Verdict
from agent.doctor.sound_check import check_echo, judge
from agent.media.sound.audio_settings import AudioSettings
from tests.media.sound.pulse import EAR, MICROPHONE, SPEAKER, Pulse


@pytest.mark.parametrize(
    ("path", "verdicts", "advice"),
    [
        (EchoPath(-60, -30, False, 0.08, 20), ["ok", "ok"], ""),
        (EchoPath(-20, -20, False, 0.08, 20), ["warning", "ok"], "audio.microphone"),
        (EchoPath(-60, 0, True, 0.08, -5), ["warning", "warning"], "lower audio.speaker"),
        (EchoPath(-60, -30, False, 0.4, 20), ["ok", "warning"], "plughw:"),
        (EchoPath(-60, -60, False), ["ok", "warning"], "alsamixer, F3"),
        (EchoPath(-math.inf, -math.inf, False), ["failed"], "not muted"),
    ],
)
def test_judge_says_what_to_change(path: EchoPath, verdicts: list[str], advice: str) -> None:
    findings = [*judge(path)]
    assert [finding.verdict.value for finding in findings] == verdicts
    assert advice in " ".join(finding.advice for finding in findings)


@pytest.mark.parametrize(("loss", "verdict"), [(20, "warning"), (50, "ok")])
def test_judge_warns_where_nothing_keeps_an_echo_from_the_caller(loss: float, verdict: str) -> None:
    path = EchoPath(-60, -30, False, 0.08, loss)
    *_, echo = judge(path, unhindered=True)
    assert echo.verdict.value == verdict
    assert ("hear their own echo" in echo.advice) is (verdict == "warning")


def test_check_echo_without_a_card_measures_nothing() -> None:
    mode, echo = check_echo(AudioSettings(capture="pattern", playback="none", mode="duplex"))
    assert (mode.verdict, mode.figures["mode"]) == (Verdict.OK, "duplex")
    assert echo.verdict is Verdict.SKIPPED


def test_check_echo_of_a_card_that_is_not_there_fails() -> None:
    device = "alsa:plughw:CARD=Nowhere"
    _, echo = check_echo(AudioSettings(capture=device, playback=device))
    assert echo.verdict is Verdict.FAILED
    assert "not plugged in" in echo.text


@pytest.mark.media
def test_check_echo_measures_a_card_that_hears_itself(pulse: Pulse) -> None:
    settings = AudioSettings(
        capture=f"alsa:{EAR}", playback=f"alsa:{SPEAKER}", speaker=100, microphone=100
    )
    *_, echo = check_echo(settings)
    assert echo.area == "echo"
    assert abs(echo.figures["returnLossDb"]) < 3
    assert 0 < echo.figures["roundTripSeconds"] < 1.5


@pytest.mark.media
@pytest.mark.further_case
def test_check_echo_of_a_microphone_that_hears_nothing(pulse: Pulse) -> None:
    settings = AudioSettings(capture=f"alsa:{MICROPHONE}", playback=f"alsa:{SPEAKER}")
    *_, microphone = check_echo(settings)
    assert (microphone.area, microphone.verdict) == ("microphone", Verdict.FAILED)
