from __future__ import annotations

from dataclasses import replace

import pytest

from agent.doctor.camera_report import report_camera
from agent.doctor.findings import Finding, Verdict
from agent.doctor.measure import BitrateStep, Flow, KeyframeDelay, Measurement
from agent.media.base.video_source import VideoOptions
from agent.media.jpeg import Jpeg
from agent.ports import VideoFormat

OPTIONS = VideoOptions()
GOOD = Measurement(
    camera="imx708",
    encoder="V4L2 H.264",
    video=VideoFormat(1280, 720, 30, "42e028"),
    first_picture=0.9,
    steady=Flow(
        framerate=29.9, bitrate=1_900_000, latency=0.045, latency_95=0.06, longest_gap=0.04
    ),
    cpu=0.12,
    memory=60_000_000,
    bitrate_steps=(
        BitrateStep(1_000_000, 1_050_000),
        BitrateStep(500_000, 480_000),
        BitrateStep(2_000_000, 1_900_000),
    ),
    keyframes=(KeyframeDelay(0.05, 2), KeyframeDelay(0.07, 2)),
    snapshot=Jpeg(b"x" * 20_000, 640, 360),
    snapshot_time=0.05,
    dropped=0,
    temperature_before=45.0,
    temperature_after=52.0,
    throttling=[],
)


def found(measured: Measurement, *, passed_through: bool = False) -> dict[str, Finding]:
    return {
        each.area: each for each in report_camera(measured, OPTIONS, passed_through=passed_through)
    }


def test_a_good_camera() -> None:
    findings = found(GOOD)
    assert {each.verdict for each in findings.values()} == {Verdict.OK}
    assert "imx708 with V4L2 H.264: 1280x720, profile 42e028" in findings["opened"].text
    assert "1000 -> 1050" in findings["bitrate"].text
    assert "45 to 52 degrees" in findings["load"].text


@pytest.mark.parametrize(
    ("measured", "area", "verdict", "words"),
    [
        (
            replace(GOOD, steady=replace(GOOD.steady, framerate=20.0)),
            "frame rate",
            Verdict.WARNING,
            "20.0 pictures a second of 30",
        ),
        (
            replace(GOOD, steady=replace(GOOD.steady, latency=0.4)),
            "latency",
            Verdict.WARNING,
            "400 ms",
        ),
        (
            replace(GOOD, keyframes=(KeyframeDelay(None, 60),)),
            "key frames",
            Verdict.FAILED,
            "1 of 1",
        ),
        (
            replace(GOOD, keyframes=(KeyframeDelay(0.5, 15),)),
            "key frames",
            Verdict.WARNING,
            "500 ms",
        ),
        (
            replace(GOOD, bitrate_steps=(BitrateStep(500_000, 2_000_000),)),
            "bitrate",
            Verdict.WARNING,
            "not obeyed",
        ),
        (
            replace(GOOD, bitrate_steps=(BitrateStep(500_000, 90_000),)),
            "bitrate",
            Verdict.WARNING,
            "too little",
        ),
        (
            replace(
                GOOD,
                bitrate_steps=(
                    BitrateStep(400_000, 309_000),
                    BitrateStep(250_000, 305_000),
                    BitrateStep(800_000, 300_000),
                ),
            ),
            "bitrate",
            Verdict.WARNING,
            "too little",
        ),
        (replace(GOOD, throttling=["under-voltage"]), "load", Verdict.WARNING, "under-voltage"),
        (replace(GOOD, cpu=0.97), "load", Verdict.WARNING, "97 %"),
    ],
)
def test_what_is_wrong_is_said(
    measured: Measurement, area: str, verdict: Verdict, words: str
) -> None:
    finding = found(measured)[area]
    assert (finding.verdict, words in finding.text) == (verdict, True), finding


def test_nothing_is_asked_of_an_encoder_that_is_elsewhere() -> None:
    findings = found(replace(GOOD, bitrate_steps=(BitrateStep(1, 9),)), passed_through=True)
    assert findings["key frames"].verdict is Verdict.SKIPPED
    assert "bitrate" not in findings
