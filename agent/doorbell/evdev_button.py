"""A key of an input device of Linux: a keypad, or a line that the kernel debounces (`gpio-key`)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import time
from collections.abc import Callable

from agent.doorbell.button_line import ButtonFailed, Changed
from agent.doorbell.button_settings import ButtonSettings

# linux/input.h: struct input_event, with the time as two longs
_EVENT = struct.Struct("llHHi")
_EV_KEY = 1
_RELEASED, _PRESSED = 0, 1


class EvdevButton:
    """Belongs to the event loop. `gone` is called once, where the device is pulled."""

    def __init__(
        self, settings: ButtonSettings, changed: Changed, gone: Callable[[], None]
    ) -> None:
        """Raises ButtonFailed."""
        self._key = settings.key
        self._changed = changed
        self._gone = gone
        # of the keys that count, those that are down
        self._down: set[int] = set()
        self._rest = b""
        try:
            self._fd = os.open(settings.evdev, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise ButtonFailed(f"{settings.evdev}: {error.strerror or error}") from error
        self._open = True
        try:
            asyncio.get_running_loop().add_reader(self._fd, self._read)
        except OSError as error:
            # a file of another kind, which has no events
            self.close()
            raise ButtonFailed(f"{settings.evdev}: {error.strerror or error}") from error

    @property
    def pressed(self) -> bool:
        return bool(self._down)

    def close(self) -> None:
        if self._open:
            self._open = False
            with contextlib.suppress(RuntimeError, ValueError):
                # the loop is closed, or does not know it
                asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)

    def _read(self) -> None:
        try:
            data = os.read(self._fd, 64 * _EVENT.size)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            if self._down:
                self._down.clear()
                self._changed(False, time.monotonic())
            self._gone()
            return
        data = self._rest + data
        whole = len(data) - len(data) % _EVENT.size
        self._rest = data[whole:]
        for _, _, kind, code, value in _EVENT.iter_unpack(data[:whole]):
            if kind == _EV_KEY and self._key in (None, code):
                self._take(code, value)

    def _take(self, code: int, value: int) -> None:
        """Repetitions are none: a key that is held is held."""
        before = bool(self._down)
        if value == _PRESSED:
            self._down.add(code)
        elif value == _RELEASED:
            self._down.discard(code)
        if bool(self._down) is not before:
            self._changed(not before, time.monotonic())
