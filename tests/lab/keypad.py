"""A keypad that can be pulled, by the kernel's uinput. Inside the lab only; needs no library."""

from __future__ import annotations

import fcntl
import itertools
import os
import struct
from collections.abc import Iterable
from pathlib import Path

EV_SYN, EV_KEY = 0, 1
# linux/uinput.h
_UI_SET_EVBIT, _UI_SET_KEYBIT = 0x40045564, 0x40045565
_UI_DEV_SETUP, _UI_DEV_CREATE, _UI_DEV_DESTROY = 0x405C5503, 0x5501, 0x5502
_BUS_USB = 3
_SETUP = struct.Struct("HHHH80sI")
_EVENT = struct.Struct("llHHi")
_NAMES = Path("/sys/class/input")
_numbers = itertools.count()


class Keypad:
    """One that has `keys` (linux/input-event-codes.h). Gone after `close()`."""

    def __init__(self, name: str = "Lab Keypad", keys: Iterable[int] = range(1, 128)) -> None:
        self.name = name
        self._keys = tuple(keys)
        self._serial = next(_numbers)
        self._descriptor: int | None = None
        self.plug()

    def __enter__(self) -> Keypad:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> str:
        """Its /dev/input/event. Raises LookupError where it is pulled out."""
        for each in _NAMES.glob("event*"):
            if (each / "device/name").read_text().strip() == self.name:
                return f"/dev/input/{each.name}"
        raise LookupError(f"{self.name} is not plugged in")

    def press(self, key: int) -> None:
        self._send(key, 1)

    def release(self, key: int) -> None:
        self._send(key, 0)

    def plug(self) -> None:
        descriptor = os.open("/dev/uinput", os.O_WRONLY | os.O_CLOEXEC)
        fcntl.ioctl(descriptor, _UI_SET_EVBIT, EV_KEY)
        for key in self._keys:
            fcntl.ioctl(descriptor, _UI_SET_KEYBIT, key)
        setup = _SETUP.pack(_BUS_USB, 0x1209, self._serial, 1, self.name.encode(), 0)
        fcntl.ioctl(descriptor, _UI_DEV_SETUP, setup)
        fcntl.ioctl(descriptor, _UI_DEV_CREATE)
        self._descriptor = descriptor

    def pull_out(self) -> None:
        """Whoever reads it gets ENODEV. Idempotent."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            fcntl.ioctl(descriptor, _UI_DEV_DESTROY)
            os.close(descriptor)

    def close(self) -> None:
        self.pull_out()

    def _send(self, key: int, value: int) -> None:
        assert self._descriptor is not None, "it is pulled out"
        pressed, end = _EVENT.pack(0, 0, EV_KEY, key, value), _EVENT.pack(0, 0, EV_SYN, 0, 0)
        os.write(self._descriptor, pressed + end)
