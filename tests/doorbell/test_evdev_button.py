"""A key of an input device; a pipe stands for the device here."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from agent.doorbell.button_line import ButtonFailed
from agent.doorbell.button_settings import ButtonSettings
from agent.doorbell.evdev_button import EvdevButton
from tests.waiting import until


def event(code: int, value: int, kind: int = 1) -> bytes:
    return struct.pack("llHHi", 0, 0, kind, code, value)


@pytest.fixture
def keypad(tmp_path: Path) -> Path:
    path = tmp_path / "event0"
    os.mkfifo(path)
    return path


async def test_key_that_is_pressed_and_let_go_is_told_once_each(keypad: Path) -> None:
    seen, gone = list[bool](), list[None]()
    settings = ButtonSettings(name="front", evdev=str(keypad), key=28)
    button = EvdevButton(settings, lambda on, _at: seen.append(on), lambda: gone.append(None))
    writer = os.open(keypad, os.O_WRONLY)
    try:
        pressed, repeated, let_go = event(28, 1), event(28, 2), event(28, 0)
        # another key, and what goes between events
        noise = event(30, 1) + event(0, 0, kind=0)
        data = pressed + repeated + noise + let_go + pressed
        os.write(writer, data[:30])
        os.write(writer, data[30:])
        await until(lambda: seen == [True, False, True])
        assert button.pressed
    finally:
        os.close(writer)
    await until(lambda: gone == [None])
    assert seen[-1] is False
    button.close()


async def test_device_that_is_not_there_is_told(tmp_path: Path) -> None:
    settings = ButtonSettings(name="front", evdev=str(tmp_path / "none"))
    with pytest.raises(ButtonFailed, match="No such file"):
        EvdevButton(settings, lambda *_: None, lambda: None)
