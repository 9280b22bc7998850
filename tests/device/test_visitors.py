"""Rings, pictures, doors and answers reach what a device does for visitors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from agent.client.call_client import CallClient
from agent.device.door_station import DoorStation
from agent.device.front_door import FrontDoor
from agent.device.visitors import Visitors
from agent.media.sound.sound_setup import Sound
from agent.settings import Settings
from tests.device.test_voice import door as speaking_door
from tests.device.test_voice import message
from tests.waiting import until


class Heard:
    """Whoever is observed: it keeps who listens."""

    def __init__(self) -> None:
        self.observers: list[Any] = []
        self.conversations: dict[str, Any] = {}

    def on_event(self, observer: Any) -> None:
        self.observers.append(observer)

    on_picture = subscribe = on_event


class Ports:
    nobody_home: Any = None

    def __init__(self) -> None:
        self.wired: list[str] = []
        self.chime: Any = self.wired.append


class Silence:
    silenced = False


class Around:
    """The parts of a device that tell of visitors."""

    def __init__(self) -> None:
        self.client = Heard()
        self.rings, self.pictures, self.outputs = Heard(), Heard(), Heard()
        self.ports = Ports()
        self.silence = Silence()

    @property
    def doorbell(self) -> Any:
        return type("Bell", (), {"events": self.rings, "ports": self.ports})

    @property
    def output_events(self) -> Heard:
        return self.outputs


def visitors(folder: Path, sound: Sound, **ring: Any) -> tuple[Visitors, Around]:
    settings = Settings.model_validate(
        {
            "uid": "door-1",
            "state_directory": str(folder),
            "ring": {"messages": str(folder / "words"), **ring},
            "button": [{"name": "front"}],
        }
    )
    around = Around()
    made = Visitors(settings, sound, cast("CallClient", around.client))
    made.connect(cast("FrontDoor", around), cast("DoorStation", around))
    return made, around


async def test_visitors_hear_of_all_that_happens_at_a_door(tmp_path: Path) -> None:
    made, around = visitors(tmp_path, Sound())
    async with made:
        for each in (around.client, around.rings, around.pictures, around.outputs):
            assert len(each.observers) == 1
        assert around.ports.nobody_home is None
        assert json.loads((made.document("visits.json") or (b"", ""))[0]) == []


async def test_visitors_serve_messages_by_name_alone(tmp_path: Path) -> None:
    (tmp_path / "messages").mkdir()
    (tmp_path / "messages" / "20251129T120000Z.ogg").write_bytes(b"OggS")
    (tmp_path / "secret.ogg").write_bytes(b"secret")
    made, _ = visitors(tmp_path, Sound())
    assert made.document("messages/20251129T120000Z.ogg") == (b"OggS", "audio/ogg")
    for path in ("messages/../secret.ogg", "messages/x.ogg", "messages/", "secret.ogg"):
        assert made.document(path) is None, path


async def test_nobody_home_says_what_the_settings_say(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    message(tmp_path / "words", "sorry", 600)
    async with speaking_door(tmp_path) as home:
        made, around = visitors(tmp_path, home.sound, nobody_home="sorry", reply_after="1s")
        async with made:
            assert await around.ports.nobody_home() is None
            await home.words.finished()
    assert home.played


async def test_nobody_home_that_cannot_speak_is_told_and_no_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made, around = visitors(tmp_path, Sound(), nobody_home="record", reply_after="1s")
    async with made:
        assert await around.ports.nobody_home() is None
    assert "could not be told" in caplog.text


async def test_whoever_answers_ends_what_is_said(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    message(tmp_path / "words", "record", 600, frames=2000)
    async with speaking_door(tmp_path) as home:
        made, around = visitors(tmp_path, home.sound, nobody_home="record", reply_after="1s")
        async with made:
            reply = around.ports.nobody_home()
            await until(lambda: any(home.played))
            reply.cancel()
            await until(reply.done)
            await home.words.finished()
            assert not home.capture.running


async def test_chime_of_the_folder_sounds_at_the_loudspeaker_unless_it_is_to_be_still(
    tmp_path: Path,
) -> None:
    (tmp_path / "words").mkdir()
    async with speaking_door(tmp_path) as home:
        made, around = visitors(tmp_path, home.sound)
        async with made:
            around.ports.chime("button")
            assert not home.played
            message(tmp_path / "words", "chime", 600)
            around.silence.silenced = True
            around.ports.chime("button")
            assert not home.played
            around.silence.silenced = False
            around.ports.chime("alice")
            await until(lambda: any(home.played))
            await home.words.finished()
    assert around.ports.wired == ["button", "button", "alice"]
