"""What the settings name is what is opened."""

from __future__ import annotations

import asyncio
import itertools
import os
from pathlib import Path

import pytest

from agent.errors import MediaUnavailable
from agent.media.sound import sound_setup
from agent.media.sound.audio_settings import AudioSettings
from agent.media.sound.level import Level
from agent.media.sound.sound_cards import SoundCard
from agent.media.sound.sound_setup import CardEnd, describe_sound, open_sound
from tests.fakes.playout import FakeStream, constant
from tests.media.sound.pulse import EAR, MICROPHONE, MOUTH, SPEAKER, Pulse
from tests.media.sound.test_microphone import heard
from tests.media.sound.tones import strength, tone
from tests.waiting import until

CARD = SoundCard("Device", "USB Audio", 0, 0)


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> list[SoundCard]:
    """What this machine is said to have."""
    found: list[SoundCard] = []
    monkeypatch.setattr(sound_setup.CardEnd.__init__, "__kwdefaults__", {"cards": lambda: found})
    return found


def test_card_end_of_a_name_is_that_one() -> None:
    assert CardEnd("alsa:plughw:CARD=X", capture=True, cards=list).find() == "plughw:CARD=X"


def test_card_end_of_auto_looks_again_for_each_call() -> None:
    found: list[SoundCard] = []
    end = CardEnd("auto", capture=True, cards=lambda: found)
    assert end.find() is None
    with pytest.raises(MediaUnavailable, match="no sound card"):
        end.open_source()
    found.append(CARD)
    assert end.find() == "plughw:CARD=Device,DEV=0"


def test_card_end_of_auto_stays_with_its_card_while_that_is_unplugged() -> None:
    found = [CARD]
    end = CardEnd("auto", capture=False, cards=lambda: found)
    end.find()
    found[:] = [SoundCard("Headphones", "bcm2835 Headphones", None, 0)]
    with pytest.raises(MediaUnavailable, match="CARD=Device"):
        end.open_player()


async def test_open_sound_of_none_is_none() -> None:
    sound = open_sound(AudioSettings(capture="none", playback="none"))
    assert (sound.capture, sound.playback) == (None, None)
    await sound.close()


async def test_open_sound_of_auto_without_a_card_offers_nothing(cards: list[SoundCard]) -> None:
    sound = open_sound(AudioSettings())
    assert sound.capture is not None
    assert not sound.capture.present
    cards.append(CARD)
    assert sound.capture.present
    await sound.close()


def test_describe_sound_names_what_would_be_opened(cards: list[SoundCard]) -> None:
    settings = AudioSettings(capture="pattern")
    assert describe_sound(settings) == {"capture": "pattern", "playback": None}
    cards.append(CARD)
    assert describe_sound(settings)["playback"] == "plughw:CARD=Device,DEV=0"
    silent = AudioSettings(capture="alsa:pulse", playback="none")
    assert describe_sound(silent) == {"capture": "pulse", "playback": None}


async def test_open_sound_plays_into_a_file(tmp_path: Path) -> None:
    path = tmp_path / "played.wav"
    sound = open_sound(AudioSettings(capture="none", playback=f"file:{path}", speaker=100))
    assert sound.playback is not None
    sound.playback.attach(FakeStream([tone(1000, 480)]))
    await until(lambda: path.exists() and tone(1000, 480) in path.read_bytes())
    await sound.close()


@pytest.mark.media
async def test_open_sound_hears_and_plays_on_a_card(pulse: Pulse) -> None:
    """Two processes' worth of sound: one speaks into the other's microphone and hears its
    loudspeaker.
    """
    device = AudioSettings(capture=f"alsa:{MICROPHONE}", playback=f"alsa:{SPEAKER}", speaker=100)
    visitor = AudioSettings(capture=f"alsa:{EAR}", playback=f"alsa:{MOUTH}", speaker=100)
    door, person = open_sound(device), open_sound(visitor)
    for each, frequency in ((door, 1000), (person, 500)):
        assert each.playback is not None
        frames = [tone(frequency, 480, start=480 * number) for number in range(100)]
        each.playback.attach(FakeStream(itertools.cycle(frames)))
    for each, frequency in ((door, 500), (person, 1000)):
        assert each.capture is not None
        subscription = await each.capture.subscribe()
        while strength(await heard(subscription), frequency) < 2000:
            pass
    await door.close()
    await person.close()


@pytest.mark.media
async def test_open_sound_comes_back_with_the_card(pulse: Pulse) -> None:
    told = asyncio.Queue[tuple[str, str | None]]()

    def tell(end: str, fault: MediaUnavailable | None) -> None:
        told.put_nowait((end, None if fault is None else "lost"))

    settings = AudioSettings(capture=f"alsa:{MICROPHONE}", playback=f"alsa:{SPEAKER}")
    sound = open_sound(settings, tell)
    assert sound.capture is not None
    assert sound.playback is not None
    sound.playback.attach(FakeStream(itertools.repeat(tone(1000, 480))))
    subscription = await sound.capture.subscribe()
    working = {("microphone", None), ("speaker", None)}
    for _ in range(2):
        assert {await told.get(), await told.get()} == working
        pulse.stop()
        assert {await told.get(), await told.get()} == {("microphone", "lost"), ("speaker", "lost")}
        pulse.start()
    assert {await told.get(), await told.get()} == working
    assert await subscription.next()
    await sound.close()


@pytest.mark.parametrize("can", [True, False])
def test_card_end_leaves_its_level_to_a_card_that_has_a_mixer(
    monkeypatch: pytest.MonkeyPatch, can: bool
) -> None:
    asked: list[tuple[str, int, bool]] = []

    def turn(control: str, level: int, *, capture: bool) -> bool:
        asked.append((control, level, capture))
        return can

    monkeypatch.setattr(sound_setup, "AlsaSource", lambda name: name)
    monkeypatch.setattr(sound_setup, "set_card_level", turn)
    level = Level(50)
    CardEnd("alsa:plughw:CARD=Device", level, capture=True).open_source()
    assert asked == [("hw:CARD=Device", 50, True)]
    assert (level.apply(constant(8000)) == constant(8000)) is can
    level.turn(70)
    assert asked[1:] == [("hw:CARD=Device", 70, True)]


@pytest.mark.parametrize(
    ("capture", "playback", "ends"),
    [
        ("alsa:plughw:CARD=Device", "alsa:plughw:CARD=Device", {"speaker", "microphone"}),
        ("auto", "none", {"microphone"}),
        ("pattern", "file:/tmp/heard.wav", {"speaker"}),
        ("none", "none", set()),
    ],
)
def test_open_sound_has_the_levels_of_what_there_is(
    capture: str, playback: str, ends: set[str]
) -> None:
    sound = open_sound(AudioSettings(capture=capture, playback=playback, speaker=30, microphone=40))
    assert set(sound.levels) == ends
    assert {level.level for level in sound.levels.values()} <= {30, 40}


def test_open_sound_has_no_end_that_auto_does_not_find(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_setup.CardEnd.__init__, "__kwdefaults__", {"cards": list})
    sound = open_sound(AudioSettings(capture="auto", playback="auto"))
    assert not sound.present("speaker")
    assert not sound.present("microphone")
    named = open_sound(AudioSettings(capture="none", playback="alsa:plughw:CARD=Device"))
    assert named.present("speaker")
    assert not named.present("microphone")


def held() -> tuple[int, int]:
    """Descriptors and threads of this process, those of libraries included."""
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


@pytest.mark.media
@pytest.mark.further_case
@pytest.mark.timeout(600)
async def test_open_sound_of_a_card_that_is_pulled_fifty_times_leaves_nothing(pulse: Pulse) -> None:
    told = asyncio.Queue[bool]()
    settings = AudioSettings(capture=f"alsa:{MICROPHONE}", playback=f"alsa:{SPEAKER}")
    sound = open_sound(settings, lambda _end, fault: told.put_nowait(fault is None))
    assert sound.capture is not None
    assert sound.playback is not None
    sound.playback.attach(FakeStream(itertools.repeat(tone(1000, 480))))
    await sound.capture.subscribe()
    before = None
    for number in range(51):
        assert [await told.get(), await told.get()] == [True, True]
        # the first two rounds load what libraries keep
        before = held() if number == 1 else before
        pulse.stop()
        assert [await told.get(), await told.get()] == [False, False]
        pulse.start()
    assert [await told.get(), await told.get()] == [True, True]
    assert held() == before
    await sound.close()
