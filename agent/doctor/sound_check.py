"""`callbox doctor --sound`: plays a chirp, listens, and says what room and card make of it."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator

from agent.doctor.echo_path import EchoPath, chirp, measure_echo
from agent.doctor.findings import Finding, Verdict
from agent.errors import MediaUnavailable
from agent.media.sound.alsa_pcm import PERIOD_FRAMES, AlsaPlayer, AlsaSource
from agent.media.sound.audio_settings import AudioSettings
from agent.media.sound.level import Level
from agent.media.sound.sound_mode import EXTRA, choose_mode, missing_extra
from agent.media.sound.sound_setup import describe_sound
from agent.ports import AUDIO_CLOCK_RATE, PCM_FRAME_BYTES

# seconds: a sound server needs two for the first sample
_SETTLE = 2.0
_LISTEN = 1.5
_PERIOD = PERIOD_FRAMES * PCM_FRAME_BYTES
_QUIET_ROOM, _SLOW = -40.0, 0.25
# dB by which an echo that is late by a network and two jitter buffers is to be softer
_ENOUGH_LOSS = 45.0
_NO_MICROPHONE = "Check that the microphone is plugged in and not muted (alsamixer, F4)."
_NO_SPEAKER = (
    "Was it heard in the room? If not, check the loudspeaker's wiring and level (alsamixer, F3). "
    "If so, the microphone is too soft or points away, which is no fault."
)


def check_echo(settings: AudioSettings) -> Iterator[Finding]:
    """Opens both ends of the card for about four seconds. Blocks."""
    found = describe_sound(settings)
    yield _mode(settings)
    capture, playback = found["capture"], found["playback"]
    cards = capture, playback
    if None in cards or not _are_cards(settings):
        text = "only a card that is used for both ends can be measured"
        yield Finding("echo", Verdict.SKIPPED, text, figures={**found})
        return
    assert capture is not None and playback is not None  # noqa: S101, PT018 - narrows the types
    try:
        path = _measure(capture, playback, Level(settings.speaker), Level(settings.microphone))
    except MediaUnavailable as error:
        advice = "A running callbox has the card while somebody calls." if _taken(error) else ""
        yield Finding("echo", Verdict.FAILED, str(error), advice)
        return
    mode = choose_mode(settings)
    yield from judge(path, unhindered=mode.mode == "duplex" and not mode.echo)


def judge(path: EchoPath, *, unhindered: bool = False) -> Iterator[Finding]:
    """What the figures mean, and what to change. `unhindered`: nothing keeps an echo from the
    caller.
    """
    figures = {"backgroundDb": _number(path.background), "heardDb": _number(path.heard)}
    if path.background == -math.inf and path.heard == -math.inf:
        text = "it gives digital silence"
        yield Finding("microphone", Verdict.FAILED, text, _NO_MICROPHONE, figures)
        return
    loud = path.background > _QUIET_ROOM
    yield Finding(
        "microphone",
        Verdict.WARNING if loud or path.clipped else Verdict.OK,
        f"background {_decibels(path.background)}, the chirp {_decibels(path.heard)} of full scale"
        + (", clipped" if path.clipped else ""),
        "Lower audio.microphone, or the card's own gain (alsamixer, F4)."
        if loud or path.clipped
        else "",
        figures,
    )
    if path.round_trip is None or path.loss is None:
        yield Finding("echo", Verdict.WARNING, "the chirp was not heard", _NO_SPEAKER)
        return
    figures = {"roundTripSeconds": round(path.round_trip, 4), "returnLossDb": round(path.loss, 1)}
    advice = []
    if path.loss < 0:
        advice.append("It comes back louder than it is played: lower audio.speaker.")
    if unhindered and path.loss < _ENOUGH_LOSS:
        advice.append(
            "Callers hear their own echo: leave audio.mode and audio.echo at auto (the canceller: "
            f"{EXTRA}), unless the card cancels it by itself."
        )
    if path.round_trip > _SLOW:
        advice.append("The way is long: use the card itself (plughw:) in place of a sound server.")
    yield Finding(
        "echo",
        Verdict.WARNING if advice else Verdict.OK,
        f"round trip {1000 * path.round_trip:.0f} ms, echo return loss {path.loss:.0f} dB",
        " ".join(advice),
        figures,
    )


def _mode(settings: AudioSettings) -> Finding:
    mode, lacking = choose_mode(settings), missing_extra(settings)
    text = f"audio.mode = {settings.mode} is {mode.mode}; echo is {'' if mode.echo else 'not '}"
    return Finding(
        "sound mode",
        Verdict.WARNING if lacking else Verdict.OK,
        text + "canceled",
        lacking or "",
        {"mode": mode.mode, "echo": mode.echo},
    )


def _measure(capture: str, playback: str, speaker: Level, microphone: Level) -> EchoPath:
    """Raises MediaUnavailable."""
    source = AlsaSource(capture)
    try:
        player = AlsaPlayer(playback)
    except BaseException:
        source.close()
        raise
    sound, stopping, lost = _Outgoing(speaker), threading.Event(), list[MediaUnavailable]()

    def play() -> None:
        try:
            while not stopping.is_set():
                player.write(sound.next())
        except MediaUnavailable as error:
            lost.append(error)

    thread = threading.Thread(target=play, name="doctor-sound")
    thread.start()
    try:
        _listen(source, _SETTLE)
        before = _listen(source, _LISTEN)
        sound.begin()
        after = _listen(source, _LISTEN)
    finally:
        stopping.set()
        thread.join()
        for end in (source, player):
            end.close()
    if lost:
        raise lost[0]
    recorded = microphone.apply(before + after)
    return measure_echo(recorded, len(before) / 2 / AUDIO_CLOCK_RATE)


class _Outgoing:
    """Silence, and once a chirp."""

    def __init__(self, level: Level) -> None:
        self._chirp = level.apply(chirp())
        self._rest = b""

    def begin(self) -> None:
        self._rest = self._chirp

    def next(self) -> bytes:
        period, self._rest = self._rest[:_PERIOD], self._rest[_PERIOD:]
        return period.ljust(_PERIOD, b"\0")


def _listen(source: AlsaSource, seconds: float) -> bytes:
    heard = bytearray()
    while len(heard) < 2 * seconds * AUDIO_CLOCK_RATE:
        heard += source.read()
    return bytes(heard)


def _are_cards(settings: AudioSettings) -> bool:
    return all(
        device == "auto" or device.startswith("alsa:")
        for device in (settings.capture, settings.playback)
    )


def _taken(error: MediaUnavailable) -> bool:
    return "another program" in str(error)


def _decibels(level: float) -> str:
    return "silent" if level == -math.inf else f"{level:.0f} dB"


def _number(level: float) -> float | None:
    return None if level == -math.inf else round(level, 1)
