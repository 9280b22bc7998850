"""The simulated keypad is one that any reader of input events takes for real."""

from __future__ import annotations

import errno
import os
import struct

import pytest

from tests.lab.keypad import EV_KEY, Keypad

pytestmark = pytest.mark.lab

KEY_1 = 2
EVENT = struct.Struct("llHHi")


def read_event(descriptor: int) -> tuple[int, int, int]:
    _, _, kind, code, value = EVENT.unpack(os.read(descriptor, EVENT.size))
    return kind, code, value


def test_keypad_key_is_read() -> None:
    with Keypad() as keypad:
        descriptor = os.open(keypad.path, os.O_RDONLY)
        keypad.press(KEY_1)
        assert read_event(descriptor) == (EV_KEY, KEY_1, 1)
        os.close(descriptor)


def test_keypad_pulled_out_says_so_and_comes_back() -> None:
    with Keypad() as keypad:
        descriptor = os.open(keypad.path, os.O_RDONLY)
        keypad.pull_out()
        with pytest.raises(OSError) as raised:  # noqa: PT011 - the number is what is looked at
            os.read(descriptor, EVENT.size)
        assert raised.value.errno == errno.ENODEV
        os.close(descriptor)
        with pytest.raises(LookupError):
            _ = keypad.path
        keypad.plug()
        assert os.path.exists(keypad.path)
