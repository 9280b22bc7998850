"""What stands in for a seam has its shape."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from agent.media.sound.alsa_pcm import AlsaPlayer, AlsaSource
from agent.media.sound.ducking import Ducking
from agent.media.sound.echo_canceller import EchoCanceller
from agent.media.sound.loudspeaker import CardSpeaker
from agent.media.sound.mixer import Mixer
from agent.media.sound.pcm import Loudspeaker, PcmFilter, PcmMixer, PcmPlayer, PcmSource
from agent.media.sound.push_to_talk import TalkGate
from agent.media.sound.reopening import SilentPlayer, SilentSource
from agent.media.sound.sound_mode import FilterChain
from agent.media.sound.wav_player import WavPlayer
from tests.fakes.cards import FakeCard


@pytest.mark.parametrize(
    ("port", "implementation"),
    [
        (PcmMixer, Mixer),
        (Loudspeaker, CardSpeaker),
        (PcmSource, AlsaSource),
        (PcmSource, SilentSource),
        (PcmPlayer, AlsaPlayer),
        (PcmPlayer, SilentPlayer),
        (PcmPlayer, WavPlayer),
        (PcmFilter, Ducking),
        (PcmFilter, TalkGate),
        (PcmFilter, EchoCanceller),
        (PcmFilter, FilterChain),
        (PcmSource, FakeCard),
        (PcmPlayer, FakeCard),
    ],
)
def test_pcm_port_is_implemented_parameter_by_parameter(port: Any, implementation: Any) -> None:
    for name, method in vars(port).items():
        if inspect.isfunction(method) and not name.startswith("_"):
            expected = [*inspect.signature(method).parameters]
            found = [*inspect.signature(getattr(implementation, name)).parameters]
            assert found[: len(expected)] == expected, name
