"""What the measurements of a camera mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from agent.doctor.findings import Finding, Verdict
from agent.doctor.measure import BitrateStep, Flow, KeyframeDelay, Measurement
from agent.media.base.video_source import VideoOptions

# of the frame rate that is set
_ENOUGH = 0.9
# how far above what was asked a bitrate may be; below, a dull scene needs no more
_TOLERANCE = 1.35
# how much more must come where two to four times as much is asked for
_MOVED = 1.3
_USED = 0.7
# seconds beside one picture's
_SLOW_KEYFRAME = 0.1
# seconds; a Raspberry Pi's own encoder was reported at 0.04 to 0.05
_SLOW_LATENCY = 0.15
_BUSY = 0.9  # cores


def report_camera(
    measured: Measurement, options: VideoOptions, *, passed_through: bool
) -> Iterator[Finding]:
    """`passed_through`: the H.264 comes as it is, so nothing can be asked of its encoder."""
    video = measured.video
    yield Finding(
        "opened",
        Verdict.OK,
        f"{measured.camera} with {measured.encoder}: {video.width}x{video.height}, profile "
        f"{video.profile_level_id}, "
        f"the first picture after {measured.first_picture:.2f} s",
        figures={
            "camera": measured.camera,
            "encoder": measured.encoder,
            "first_picture": measured.first_picture,
        },
    )
    yield _framerate(measured, options)
    yield _latency(measured.steady)
    if passed_through:
        yield Finding(
            "key frames", Verdict.SKIPPED, "passed through as they are, and so is the bitrate"
        )
    else:
        yield _keyframes(measured.keyframes, options)
        yield _bitrates(measured.bitrate_steps)
    yield _load(measured)
    jpeg = measured.snapshot
    yield Finding(
        "snapshot",
        Verdict.OK,
        f"{jpeg.width}x{jpeg.height}, {len(jpeg.data) / 1024:.0f} KiB, taken in "
        f"{measured.snapshot_time * 1000:.0f} ms",
        figures={"bytes": len(jpeg.data), "seconds": measured.snapshot_time},
    )


def _framerate(measured: Measurement, options: VideoOptions) -> Finding:
    steady = measured.steady
    text = (
        f"{steady.framerate:.1f} pictures a second of {options.framerate:g}, at "
        f"{steady.bitrate / 1000:.0f} kbit/s; "
        f"the longest gap {steady.longest_gap * 1000:.0f} ms; {measured.dropped} dropped"
    )
    figures = asdict(steady) | {"dropped": measured.dropped}
    if steady.framerate < _ENOUGH * options.framerate:
        advice = (
            "Lower video.width and video.height or video.framerate; in the dark, a long "
            "exposure slows a camera down."
        )
        return Finding("frame rate", Verdict.WARNING, text, advice, figures)
    return Finding("frame rate", Verdict.OK, text, figures=figures)


def _latency(steady: Flow) -> Finding:
    text = (
        f"{steady.latency * 1000:.0f} ms from the sensor's time stamp to the encoded picture "
        f"in hand, "
        f"95 % within {steady.latency_95 * 1000:.0f} ms"
    )
    figures = {"mean": steady.latency, "p95": steady.latency_95}
    if steady.latency > _SLOW_LATENCY:
        return Finding(
            "latency",
            Verdict.WARNING,
            text,
            "The encoder falls behind: less resolution helps.",
            figures,
        )
    return Finding("latency", Verdict.OK, text, figures=figures)


def _keyframes(delays: tuple[KeyframeDelay, ...], options: VideoOptions) -> Finding:
    figures = {"delays": [asdict(delay) for delay in delays]}
    came = [delay.seconds for delay in delays if delay.seconds is not None]
    if len(came) < len(delays):
        text = f"{len(delays) - len(came)} of {len(delays)} requests were not followed by one"
        return Finding("key frames", Verdict.FAILED, text, "Please report this as a bug.", figures)
    text = (
        f"{min(came) * 1000:.0f} to {max(came) * 1000:.0f} ms after the request, as picture "
        f"{min(delay.pictures for delay in delays)} to "
        f"{max(delay.pictures for delay in delays)} after it"
    )
    slow = max(came) > _SLOW_KEYFRAME + 1 / options.framerate
    return Finding("key frames", Verdict.WARNING if slow else Verdict.OK, text, figures=figures)


def _bitrates(steps: tuple[BitrateStep, ...]) -> Finding:
    told = ", ".join(f"{step.asked / 1000:.0f} -> {step.sent / 1000:.0f}" for step in steps)
    ignored = [step for step in steps if step.sent > _TOLERANCE * step.asked]
    figures = {"steps": [asdict(step) for step in steps]}
    if ignored:
        text = f"not obeyed, kbit/s asked -> sent: {told}"
        return Finding("bitrate", Verdict.WARNING, text, "Please report this as a bug.", figures)
    if not _followed(steps):
        text = (
            f"kbit/s asked -> sent: {told}; too little happens in the picture to see "
            f"whether it is obeyed"
        )
        return Finding(
            "bitrate", Verdict.WARNING, text, "Wave at the camera, and try again.", figures
        )
    return Finding("bitrate", Verdict.OK, f"obeyed, kbit/s asked -> sent: {told}", figures=figures)


def _followed(steps: tuple[BitrateStep, ...]) -> bool:
    """Whether what was sent moved with what was asked, or all of it was used. A dull scene fills
    the lowest at most.
    """
    least, most = min(steps, key=lambda step: step.asked), max(steps, key=lambda step: step.asked)
    return most.sent > _MOVED * least.sent or all(step.sent > _USED * step.asked for step in steps)


def _load(measured: Measurement) -> Finding:
    parts = [f"{measured.cpu * 100:.0f} % of one core"]
    if measured.memory is not None:
        parts.append(f"{measured.memory / 1e6:.0f} MB")
    if measured.temperature_before is not None and measured.temperature_after is not None:
        parts.append(
            f"{measured.temperature_before:.0f} to {measured.temperature_after:.0f} degrees"
        )
    parts += measured.throttling or []
    figures = {
        "cores": measured.cpu,
        "memory": measured.memory,
        "celsius": [measured.temperature_before, measured.temperature_after],
        "throttling": measured.throttling,
    }
    warn = measured.cpu > _BUSY or bool(measured.throttling)
    return Finding(
        "load", Verdict.WARNING if warn else Verdict.OK, ", ".join(parts), figures=figures
    )
