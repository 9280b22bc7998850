"""Both ends of a card, on PulseAudio's null sinks behind ALSA's own plug-in."""

from __future__ import annotations

import threading

import pytest

from agent.errors import MediaUnavailable
from agent.media.sound.alsa_pcm import PERIOD_FRAMES, AlsaPlayer, AlsaSource
from agent.media.sound.playback_reserve import PlaybackReserve
from agent.ports import PCM_FRAME_BYTES
from tests.media.sound.pulse import EAR, SPEAKER, Pulse
from tests.media.sound.tones import strength, tone

pytestmark = pytest.mark.media

PERIOD = PERIOD_FRAMES * PCM_FRAME_BYTES
TONE = tone(1000, PERIOD // 2)


class Playing:
    """Writes a tone until it is left."""

    def __init__(self) -> None:
        self.player = AlsaPlayer(SPEAKER)
        self.failure: Exception | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._play)

    def __enter__(self) -> Playing:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(30)
        self.player.close()

    def _play(self) -> None:
        try:
            while not self._stopping.is_set():
                self.player.write(TONE)
        except MediaUnavailable as error:
            self.failure = error


def hear_tone(source: AlsaSource) -> int:
    """Periods until it is heard clearly, at most 30 s of them."""
    for number in range(1500):
        block = source.read()
        assert len(block) == PERIOD
        if strength(block, 1000) > 11_000:
            return number
    raise AssertionError("the tone is not heard")


def read_all(source: AlsaSource) -> None:
    for _ in range(1500):
        source.read()


def test_alsa_pcm_what_is_played_is_heard(pulse: Pulse) -> None:
    source = AlsaSource(EAR)
    with Playing() as playing:
        hear_tone(source)
        assert playing.player.delay() >= 0
        assert source.delay() >= 0.02
    source.close()
    source.close()


def test_alsa_pcm_goes_on_after_both_ends_were_too_slow(pulse: Pulse) -> None:
    """The server fills the source's buffer and drains the player's while nobody comes."""
    source, player = AlsaSource(EAR), AlsaPlayer(SPEAKER)
    player.write(TONE)
    source.read()
    overrun, underrun = threading.Event(), threading.Event()
    while not player.xruns:
        underrun.wait(0.3)
        player.write(TONE)
    assert player._reserve.periods > 2
    overrun.wait(0.5)
    source.read()
    player.close()
    with Playing():
        hear_tone(source)
    source.close()


class SteadyReserve(PlaybackReserve):
    """One less at once, and no more where this machine is slow for a moment."""

    def ran_dry(self) -> None: ...

    def written(self) -> bool:
        lowered = self.periods > 2
        self.periods = 2
        return lowered


def test_alsa_player_goes_on_with_a_smaller_reserve(pulse: Pulse) -> None:
    source = AlsaSource(EAR)
    with Playing() as playing:
        playing.player._reserve = SteadyReserve(least=3, most=8)
        hear_tone(source)
    source.close()


def test_alsa_pcm_of_a_server_that_dies_is_unavailable(pulse: Pulse) -> None:
    source = AlsaSource(EAR)
    with Playing() as playing:
        hear_tone(source)
        pulse.stop()
        with pytest.raises(MediaUnavailable, match=EAR):
            read_all(source)
        source.close()
    assert isinstance(playing.failure, MediaUnavailable)
    with pytest.raises(MediaUnavailable, match=EAR):
        AlsaSource(EAR)


@pytest.mark.parametrize("end", [AlsaSource, AlsaPlayer])
def test_alsa_pcm_of_a_card_that_is_not_there_says_so(
    end: type[AlsaSource] | type[AlsaPlayer],
) -> None:
    with pytest.raises(MediaUnavailable, match="plughw:CARD=Nowhere: it is not plugged in"):
        end("plughw:CARD=Nowhere")
