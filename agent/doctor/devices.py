"""Which camera, encoder and sound this machine has, as far as can be seen without opening them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agent.doctor.findings import Finding, Verdict
from agent.errors import MediaUnavailable
from agent.media.auto_source import captures
from agent.media.base.video_source import VideoOptions
from agent.media.camera_check import find_fault
from agent.media.picamera2.picamera2_source import camera_models, has_hardware_encoder
from agent.media.sound.sound_cards import sound_cards
from agent.media.sound.sound_setup import describe_sound
from agent.settings import Settings


def check_cameras(settings: Settings, options: VideoOptions) -> Iterator[Finding]:
    """What there is, and whether `video.source` can be served from it."""
    source = settings.video.source
    try:
        models = camera_models()
        text = f"libcamera sees {', '.join(models)}" if models else "libcamera sees none"
    except MediaUnavailable as error:
        models, text = [], str(error)
    webcams = [str(path) for path in sorted(Path("/dev").glob("video*")) if captures(path)]
    text += f"; webcams: {', '.join(webcams)}" if webcams else "; no webcam"
    figures = {"libcamera": models, "webcams": webcams, "source": source}
    yield Finding(
        "cameras", Verdict.OK if models or webcams else Verdict.SKIPPED, text, figures=figures
    )
    fault = find_fault(source, options)
    if fault is None:
        yield Finding("video.source", Verdict.OK, f"{source} can be served")
    else:
        yield Finding("video.source", Verdict.FAILED, f"{source}: {fault}", _camera_advice(source))


def check_encoder(settings: Settings) -> Finding:
    """Who makes H.264 of the pictures."""
    source = settings.video.source
    if source.startswith("file:"):
        return Finding("encoder", Verdict.OK, "none: the file's H.264 is passed through")
    if source in ("auto", "picamera2") and _has_hardware_encoder():
        return Finding("encoder", Verdict.OK, "the VideoCore's, in hardware (/dev/video11)")
    return Finding(
        "encoder", Verdict.OK, "libx264, in software; a webcam with H.264 of its own does without"
    )


def check_sound(settings: Settings) -> Finding:
    """What would be sent and where it would be played, and which cards there are."""
    cards = [str(card) for card in sound_cards()]
    found = describe_sound(settings.audio)
    ends = (("capture", "sent"), ("playback", "played to"))
    parts = [_end(settings, end, word, found[end]) for end, word in ends]
    text = "; ".join([*parts, f"cards: {', '.join(cards)}" if cards else "no sound card"])
    return Finding(
        "sound",
        Verdict.OK if found["capture"] is not None else Verdict.SKIPPED,
        text,
        figures={"cards": cards, **found},
    )


def _end(settings: Settings, end: str, word: str, name: str | None) -> str:
    device = getattr(settings.audio, end)
    if name is None:
        return f"audio.{end} = {device}: nothing is {word.partition(' ')[0]}"
    via = "" if name in device else f" ({name})"
    return f"audio.{end} = {device}{via} is {word}"


def _has_hardware_encoder() -> bool:
    try:
        return has_hardware_encoder()
    except ImportError:
        return False


def _camera_advice(source: str) -> str:
    kind = source.partition(":")[0]
    if kind == "file":
        return "Check the path, and that this user may read it."
    if kind == "v4l2":
        return "Check the cable and the path; `v4l2-ctl --list-devices` names what there is."
    return (
        "Check the ribbon cable, and that `rpicam-hello --list-cameras` shows the camera; "
        "picamera2 comes with: sudo apt install python3-picamera2"
    )
