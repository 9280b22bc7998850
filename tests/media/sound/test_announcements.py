"""Recorded words, at the door and into its calls."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from agent.errors import MediaUnavailable
from agent.media.sound import announcements
from agent.media.sound.announcements import Announcements
from agent.media.sound.loudspeaker import CardSpeaker
from agent.media.sound.pcm import PlayoutStream
from tests.fakes.cards import FakeCard
from tests.fakes.playout import constant
from tests.waiting import until


def wav(path: Path, value: int, frames: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(constant(value) * frames)
    return path


class Heard:
    """A loudspeaker whose card is the test."""

    def __init__(self) -> None:
        self.streams: list[PlayoutStream] = []

    def attach(self, stream: PlayoutStream) -> None:
        self.streams.append(stream)

    def detach(self, stream: PlayoutStream) -> None:
        self.streams.remove(stream)


async def test_a_file_is_played_once_and_the_card_closed(tmp_path: Path) -> None:
    card = FakeCard()
    speaker = CardSpeaker(card.open, lambda _fault: None)
    words = Announcements(speaker, lambda: True)
    assert await words.play(wav(tmp_path / "a.wav", 500, 20)) == pytest.approx(0.2)
    await words.finished()
    await until(lambda: not card.is_open)
    await speaker.close()
    played = b"".join(card.played)
    assert played.count(constant(500)) == 20
    assert set(played) <= set(constant(500)) | {0}


async def test_what_is_sent_has_the_words_as_well(tmp_path: Path) -> None:
    words = Announcements(Heard(), lambda: True)
    assert words.capture(constant(7), 0.0) == constant(7)
    await words.play(wav(tmp_path / "a.wav", 500, 2))
    sent = [words.capture(constant(7), 0.0) for _ in range(3)]
    assert sent == [constant(507), constant(507), constant(7)]
    assert words.render(constant(3), 0.0) == constant(3)


async def test_a_new_one_takes_the_place_of_the_old(tmp_path: Path) -> None:
    heard = Heard()
    words = Announcements(heard, lambda: True)
    await words.play(wav(tmp_path / "a.wav", 1, 10))
    (first,) = heard.streams
    await words.play(wav(tmp_path / "b.wav", 2, 10))
    (second,) = heard.streams
    assert second is not first
    assert second.read() == constant(2)
    words.stop()
    words.stop()
    assert not heard.streams
    await words.finished()


async def test_the_end_of_a_replaced_one_ends_nothing(tmp_path: Path) -> None:
    heard = Heard()
    words = Announcements(heard, lambda: True)
    await words.play(wav(tmp_path / "a.wav", 1, 2))
    (first,) = heard.streams
    while first.read() is not None:
        pass
    await words.play(wav(tmp_path / "b.wav", 2, 2))
    # the end of the first arrives on the event loop only now
    (second,) = heard.streams
    while second.read() is not None:
        pass
    await words.finished()
    assert not heard.streams


async def test_a_long_file_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcements, "_LONGEST_FRAMES", 3)
    words = Announcements(Heard(), lambda: True)
    assert await words.play(wav(tmp_path / "a.wav", 1, 50)) == pytest.approx(0.06)


async def test_without_a_loudspeaker_nothing_is_said(tmp_path: Path) -> None:
    words = Announcements(Heard(), lambda: False)
    with pytest.raises(MediaUnavailable, match="no loudspeaker"):
        await words.play(wav(tmp_path / "a.wav", 1, 10))


@pytest.mark.parametrize("content", [b"", b"not a sound"])
async def test_a_file_that_is_no_sound_leaves_what_is_played(
    tmp_path: Path, content: bytes
) -> None:
    heard = Heard()
    words = Announcements(heard, lambda: True)
    await words.play(wav(tmp_path / "a.wav", 1, 10))
    wrong = tmp_path / "b.wav"
    wrong.write_bytes(content)
    with pytest.raises(MediaUnavailable, match=r"b\.wav"):
        await words.play(wrong)
    assert len(heard.streams) == 1
    words.stop()
