"""What is said at the door, and what visitors leave there."""

from __future__ import annotations

import asyncio
import os
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.device.voice import GREETING, Voice
from agent.doorbell.message_folder import MessageFolder
from agent.doorbell.visitor_messages import MOST, VisitorMessages
from agent.errors import InvalidStateError, MediaUnavailable, NoSuchMessage, NotSupportedError
from agent.media.sound.announcements import Announcements
from agent.media.sound.audio_hub import AudioHub
from agent.media.sound.audio_source import ToneSource, read_sound
from agent.media.sound.loudspeaker import CardSpeaker
from agent.media.sound.sound_setup import Sound
from tests.devices import device, operator
from tests.fakes.cards import FakeCard
from tests.fakes.network import FakeNetwork
from tests.fakes.playout import constant
from tests.waiting import until

NOON = 1_764_417_600.0  # 2025-11-29T12:00:00Z


def message(folder: Path, name: str, value: int, frames: int = 4) -> None:
    with wave.open(str(folder / f"{name}.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(constant(value) * frames)


class Door:
    """A door with a loudspeaker that a test can read, and a tone for a microphone."""

    def __init__(self, folder: Path) -> None:
        self.card = FakeCard()
        self.speaker = CardSpeaker(self.card.open, lambda _fault: None)
        self.words = Announcements(self.speaker, lambda: True)
        self.capture = AudioHub(ToneSource())
        self.sound = Sound(self.capture, self.speaker, announcements=self.words)
        self.left = VisitorMessages(folder / "left")
        self.voice = Voice(self.sound, MessageFolder(folder), self.left, lambda: NOON)

    @property
    def played(self) -> bytes:
        return b"".join(self.card.played)


@asynccontextmanager
async def door(folder: Path) -> AsyncIterator[Door]:
    made = Door(folder)
    try:
        yield made
    finally:
        await made.sound.close()


async def spoken(home: Door, recording: asyncio.Task[str]) -> str:
    """The message's name, once something was recorded and somebody ended it."""
    await until(lambda: home.capture.running)
    beside = await home.capture.subscribe()
    for _ in range(3):
        await beside.next()
    beside.close()
    home.voice.hush()
    return await recording


async def test_say_plays_a_message_of_the_folder(tmp_path: Path) -> None:
    message(tmp_path, "parcel", 500)
    async with door(tmp_path) as home:
        assert home.voice.names == ("parcel",)
        assert await home.voice.say("parcel") == pytest.approx(0.04)
        await until(lambda: home.played.count(constant(500)) == 4)
        with pytest.raises(NoSuchMessage):
            await home.voice.say("../parcel")


async def test_a_visitor_is_told_recorded_and_heard(tmp_path: Path) -> None:
    message(tmp_path, GREETING, 700)
    async with door(tmp_path) as home:
        recording = asyncio.create_task(home.voice.take_message())
        await until(lambda: home.capture.running)
        # by then greeting and tone are over
        assert home.played.count(constant(700)) == 4
        with pytest.raises(InvalidStateError):
            await home.voice.take_message()
        name = await spoken(home, recording)
        assert name == "20251129T120000Z"
        assert [each.name for each in await home.voice.messages()] == [name]
        assert list(read_sound(home.left.file(name)))
        home.card.played.clear()
        await home.voice.play(name)
        await home.words.finished()
        await home.voice.delete(name)
        assert await home.voice.messages() == []
        with pytest.raises(NoSuchMessage):
            await home.voice.play(name)


async def test_without_a_greeting_the_tone_tells_it(tmp_path: Path) -> None:
    async with door(tmp_path) as home:
        recording = asyncio.create_task(home.voice.take_message())
        await until(lambda: home.capture.running)
        assert any(home.played)
        await spoken(home, recording)


async def test_whoever_answers_in_the_greeting_is_not_recorded(tmp_path: Path) -> None:
    message(tmp_path, GREETING, 700, frames=500)
    async with door(tmp_path) as home:
        recording = asyncio.create_task(home.voice.take_message())
        await until(lambda: any(home.played))
        home.voice.hush()
        with pytest.raises(MediaUnavailable, match="nothing was recorded"):
            await recording
        assert not home.capture.running
        assert await home.voice.messages() == []


async def test_old_messages_go_when_there_are_too_many(tmp_path: Path) -> None:
    async with door(tmp_path) as home:
        for number in range(MOST):
            path = home.left.place(NOON - 1000 + number)
            path.write_bytes(b"x")
            os.utime(path, (NOON - 1000 + number,) * 2)
        name = await spoken(home, asyncio.create_task(home.voice.take_message()))
        names = [each.name for each in await home.voice.messages()]
        assert len(names) == MOST
        assert name in names


@pytest.mark.parametrize("sound", [Sound(), Sound(capture=AudioHub(ToneSource()))])
async def test_without_a_loudspeaker_nothing_is_said_or_recorded(
    tmp_path: Path, sound: Sound
) -> None:
    message(tmp_path, "parcel", 500)
    voice = Voice(sound, MessageFolder(tmp_path), VisitorMessages(tmp_path / "left"), lambda: NOON)
    assert voice.names == ()
    for attempt in (voice.say("parcel"), voice.take_message()):
        with pytest.raises(NotSupportedError):
            await attempt
    voice.hush()


async def test_commands_say_list_play_and_delete(tmp_path: Path) -> None:
    (tmp_path / "messages").mkdir()
    message(tmp_path / "messages", "parcel", 500)
    async with door(tmp_path / "messages") as home:
        left = VisitorMessages(tmp_path / "left").place(NOON)
        message(tmp_path / "left", "said", 300)
        (tmp_path / "left" / "said.wav").rename(left)
        network = FakeNetwork()
        async with (
            device(network, tmp_path, sound=home.sound) as station,
            operator(network) as op,
        ):
            said = await station.ask(op, "say", message="parcel")
            unknown = await station.ask(op, "say", message="none")
            invalid = await station.ask(op, "say", message="../parcel")
            listed = await station.ask(op, "messages")
            played = await station.ask(op, "play", name=left.stem)
            deleted = await station.ask(op, "delete", name=left.stem)
            again = await station.ask(op, "delete", name=left.stem)
    assert (said["ok"], said["seconds"]) == (True, 0.04)
    assert [each["code"] for each in (unknown, invalid)] == ["no_such_message", "invalid"]
    (one,) = listed["messages"]
    assert (one["name"], one["bytes"] > 0) == (left.stem, True)
    assert (played["ok"], deleted["ok"], again["code"]) == (True, True, "no_such_message")
