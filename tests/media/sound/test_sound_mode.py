"""How echo is kept from the remote peer."""

from __future__ import annotations

import pytest

from agent.media.sound.audio_settings import AudioSettings
from agent.media.sound.ducking import Ducking
from agent.media.sound.push_to_talk import TalkGate
from agent.media.sound.sound_mode import (
    FilterChain,
    SoundMode,
    choose_mode,
    make_filter,
    missing_extra,
)


def settings(**values: str) -> AudioSettings:
    return AudioSettings.model_validate(values)


@pytest.mark.parametrize(
    ("values", "extra", "mode"),
    [
        ({}, True, SoundMode("duplex", echo=True, noise=True, gain=True)),
        ({}, False, SoundMode("duck")),
        ({"echo": "off"}, True, SoundMode("duck", noise=True, gain=True)),
        ({"echo": "cancel"}, False, SoundMode("duck")),
        ({"mode": "duplex"}, False, SoundMode("duplex")),
        (
            {"mode": "push_to_talk", "echo": "off", "noise": "off", "gain": "off"},
            True,
            SoundMode("push_to_talk"),
        ),
    ],
)
def test_choose_mode(values: dict[str, str], extra: bool, mode: SoundMode) -> None:
    assert choose_mode(settings(**values), processing=extra) == mode


def test_missing_extra_says_how_to_get_it() -> None:
    asked = settings(echo="cancel", noise="suppress")
    assert missing_extra(asked, processing=True) is None
    assert missing_extra(settings(), processing=False) is None
    said = missing_extra(asked, processing=False) or ""
    assert "audio.echo = cancel and audio.noise = suppress" in said
    assert "callbox[echo]" in said


class Letter:
    """A filter that writes its name."""

    def __init__(self, name: bytes) -> None:
        self._name = name
        self.closed = False

    def render(self, frame: bytes, delay: float) -> bytes:
        return frame + self._name

    def capture(self, frame: bytes, delay: float) -> bytes:
        return frame + self._name

    def close(self) -> None:
        self.closed = True


def test_filter_chain_has_its_last_filter_next_to_the_card() -> None:
    first, last = Letter(b"a"), Letter(b"b")
    chain = FilterChain([first, last])
    assert (chain.render(b"", 0), chain.capture(b"", 0)) == (b"ab", b"ba")
    chain.close()
    assert first.closed
    assert last.closed


def test_make_filter_of_a_duplex_without_processing_is_none() -> None:
    assert make_filter(SoundMode("duplex"), None) is None


@pytest.mark.parametrize(
    ("mode", "gate", "kinds"),
    [
        (SoundMode("duck"), None, [Ducking]),
        (SoundMode("push_to_talk"), TalkGate(), [TalkGate]),
    ],
)
def test_make_filter_of_a_mode(mode: SoundMode, gate: TalkGate | None, kinds: list[type]) -> None:
    chain = make_filter(mode, gate)
    assert isinstance(chain, FilterChain)
    assert [type(each) for each in chain._filters] == kinds
