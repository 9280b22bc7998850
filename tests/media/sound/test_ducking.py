"""Half duplex by level: nothing comes back, and nothing howls."""

from __future__ import annotations

import math
import random
from array import array
from collections import deque

import pytest

from agent.media.sound.ducking import Ducking
from agent.media.sound.level import loudness
from agent.media.sound.mixer import add
from agent.ports import PCM_FRAME_SAMPLES
from tests.fakes.manual_clock import ManualClock
from tests.media.sound.tones import tone

SILENCE = bytes(2 * PCM_FRAME_SAMPLES)
DELAY = 0.05


def voice(number: int, amplitude: float = 8000.0) -> bytes:
    return tone(300, PCM_FRAME_SAMPLES, amplitude, number * PCM_FRAME_SAMPLES)


def scaled(frame: bytes, gain: float) -> bytes:
    """As loud as an amplifier can."""
    if frame == SILENCE:
        return frame
    values = (max(-32_768, min(32_767, int(gain * value))) for value in array("h", frame))
    return array("h", values).tobytes()


class Room:
    """Loudspeaker and microphone: what is played is heard 50 ms later, `gain` times as loud."""

    def __init__(self, gain: float) -> None:
        self.clock = ManualClock()
        self.ducking = Ducking(self.clock)
        self._gain = gain
        self._air = deque([SILENCE] * 5)

    def turn(self, played: bytes, near: bytes = SILENCE) -> bytes:
        """10 ms: what is sent."""
        self._air.append(scaled(self.ducking.render(played, DELAY), self._gain))
        sent = self.ducking.capture(add([self._air.popleft(), near]), 0.0)
        self.clock.now += 0.01
        return sent


def test_ducking_lets_who_is_near_speak_while_nobody_else_does() -> None:
    room = Room(1.0)
    sent = [room.turn(SILENCE, voice(number)) for number in range(50)]
    assert sent == [voice(number) for number in range(50)]


@pytest.mark.parametrize("gain", [0.1, 1.0, 30.0])
def test_ducking_sends_no_echo_back(gain: float) -> None:
    room = Room(gain)
    sent = [room.turn(voice(number)) for number in range(100)]
    sent += [room.turn(SILENCE) for _ in range(100)]
    assert max(map(loudness, sent)) < loudness(voice(0)) - 40


def test_ducking_opens_again_after_the_last_word_and_its_echo() -> None:
    room = Room(1.0)
    for number in range(50):
        room.turn(voice(number))
    silent = [loudness(room.turn(SILENCE, voice(number))) for number in range(100)]
    opened = next(number for number, level in enumerate(silent) if level > -40)
    assert 25 <= opened <= 45
    assert room.turn(SILENCE, voice(7)) == voice(7)


@pytest.mark.parametrize(
    "gain", [20.0, *(pytest.param(gain, marks=pytest.mark.lengthy) for gain in (2.0, 1000.0))]
)
def test_ducking_does_not_howl_at_any_gain(gain: float) -> None:
    """The remote peer sends all that it hears back, 100 ms later."""
    room, path = Room(gain), deque([SILENCE] * 10)
    loud = []
    for number in range(3000):
        near = voice(number) if number < 20 else SILENCE
        path.append(room.turn(path.popleft(), near))
        loud.append(loudness(path[-1]))
    assert max(loud[200:]) < -50


@pytest.mark.lengthy
def test_ducking_takes_a_background_for_no_speech() -> None:
    """A fan behind the caller: after a while who is near is heard all the same."""
    room, chance = Room(0.0), random.Random(1)

    def fan() -> bytes:
        return array("h", [chance.randint(-300, 300) for _ in range(PCM_FRAME_SAMPLES)]).tobytes()

    levels = [loudness(room.turn(fan(), voice(number))) for number in range(1500)]
    assert levels[20] == -math.inf
    assert levels[-1] > -20
    assert loudness(room.turn(voice(0), voice(1))) < -20
    assert loudness(room.turn(voice(1), voice(2))) == -math.inf


def test_ducking_closes_nothing() -> None:
    Ducking().close()
