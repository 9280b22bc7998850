"""Button, keypad and door of a doorbell on the kernel's own chip and keys."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.doorbell.button_settings import ButtonSettings
from agent.doorbell.evdev_button import EvdevButton
from agent.doorbell.gpio_button import DEBOUNCE, GpioButton
from agent.doorbell.gpio_line import GpioLine, load_lgpio
from tests.lab.gpio_chip import GpioChip
from tests.lab.keypad import Keypad
from tests.waiting import PATIENCE

pytestmark = pytest.mark.lab

BUTTON, DOOR = 17, 27
PRESSED, RELEASED = 0, 1
KEY_1 = 2
ROOT = Path(__file__).parent.parent.parent
# gpiozero asks which Raspberry Pi this is: a 4B
REVISION = 0xC03112
HOLDER = f"""
import sys, time
sys.path.insert(0, {str(ROOT)!r})
from tests.lab.test_wired_doorbell import DOOR, make_factory
from agent.doorbell.gpio_line import GpioLine
line = GpioLine(DOOR, active_high=True, factory=make_factory(int(sys.argv[1])))
line.write(True)
print("open", flush=True)
time.sleep(1000)
"""


def make_factory(number: int) -> Any:
    """gpiozero's for the chip, as on a Raspberry Pi."""
    load_lgpio()
    from gpiozero.pins.lgpio import LGPIOFactory
    from gpiozero.pins.local import LocalPiFactory

    LGPIOFactory._get_revision = lambda self: REVISION
    # shared by all factories of a process, whatever their chip
    LocalPiFactory.pins.clear()
    return LGPIOFactory(chip=number)


@pytest.fixture
def factory(gpio_chip: GpioChip) -> Iterator[Any]:
    made = make_factory(gpio_chip.number)
    yield made
    made.close()


class Changes:
    """What a button has told, from whichever thread."""

    def __init__(self) -> None:
        self.seen: list[bool] = []
        self._told = threading.Condition()

    def __call__(self, pressed: bool, at: float) -> None:
        with self._told:
            self.seen.append(pressed)
            self._told.notify_all()

    def wait(self, number: int) -> None:
        with self._told:
            assert self._told.wait_for(lambda: len(self.seen) >= number, PATIENCE), self.seen


def test_wired_button_that_bounces_is_pressed_once(gpio_chip: GpioChip, factory: Any) -> None:
    """The library leaves out what is shorter than `DEBOUNCE`, by the kernel's time stamps."""
    gpio_chip.pull(BUTTON, RELEASED)
    changes = Changes()
    settings = ButtonSettings(name="front", gpio=BUTTON)
    button = GpioButton(settings, changes, factory)
    try:
        assert not button.pressed
        for press in range(1, 4):
            for level in (PRESSED, RELEASED) * 10:
                gpio_chip.pull(BUTTON, level)
                time.sleep(DEBOUNCE / 5)
            assert len(changes.seen) == 2 * press - 2
            gpio_chip.pull(BUTTON, PRESSED)
            changes.wait(2 * press - 1)
            assert button.pressed
            gpio_chip.pull(BUTTON, RELEASED)
            changes.wait(2 * press)
        # by then whatever was left out would have been told
        time.sleep(1.0)
        assert changes.seen == [True, False] * 3
    finally:
        button.close()


@pytest.mark.parametrize("keep", [False, True], ids=["falls", "stays"])
def test_door_of_a_killed_process_is_off_with_the_next_start(
    gpio_chip: GpioChip, factory: Any, keep: bool
) -> None:
    """Whether it stays open until then is for the board to say: both are tried."""
    gpio_chip.keep_released_outputs(keep)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(gpio_chip.number)], cwd="/run", stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        assert gpio_chip.level(DOOR) == 1
        holder.kill()
    assert gpio_chip.level(DOOR) == int(keep)
    line = GpioLine(DOOR, active_high=True, factory=factory)
    assert gpio_chip.level(DOOR) == 0
    line.close()
    assert gpio_chip.level(DOOR) == 0


def test_door_that_is_closed_in_good_order_is_off(gpio_chip: GpioChip, factory: Any) -> None:
    gpio_chip.keep_released_outputs(True)
    line = GpioLine(DOOR, active_high=True, factory=factory)
    line.write(True)
    assert gpio_chip.level(DOOR) == 1
    line.close()
    assert gpio_chip.level(DOOR) == 0


async def test_keypad_pulled_while_a_key_is_down_is_released_and_gone() -> None:
    changes, gone = Changes(), asyncio.Event()
    with Keypad() as keypad:
        settings = ButtonSettings(name="front", evdev=keypad.path, key=KEY_1)
        button = EvdevButton(settings, changes, gone.set)
        keypad.press(KEY_1)
        keypad.press(KEY_1 + 1)
        await asyncio.to_thread(changes.wait, 1)
        assert button.pressed
        keypad.pull_out()
        async with asyncio.timeout(PATIENCE):
            await gone.wait()
        assert changes.seen == [True, False]
        keypad.plug()
        again = EvdevButton(
            ButtonSettings(name="front", evdev=keypad.path, key=KEY_1), changes, gone.set
        )
        keypad.press(KEY_1)
        await asyncio.to_thread(changes.wait, 3)
        again.close()
        button.close()
