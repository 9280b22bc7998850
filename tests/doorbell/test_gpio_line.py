"""Pins, on gpiozero's mock of a board: no kernel is asked."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory

from agent.doorbell.gpio_line import GpioContact, GpioLine, pin_factory
from agent.doorbell.output_line import OutputFailed
from tests.waiting import PATIENCE

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def board() -> Iterator[Any]:
    factory = MockFactory()
    yield factory
    factory.reset()


@pytest.mark.parametrize("active_high", [True, False])
def test_gpio_line_is_off_from_the_start_to_the_end(board: Any, active_high: bool) -> None:
    pin = board.pin(23)
    # as a crash has left it
    pin.function = "output"
    pin.state = active_high
    line = GpioLine(23, active_high=active_high, factory=board)
    assert pin.state is not active_high
    line.write(True)
    assert pin.state is active_high
    line.write(False)
    assert pin.state is not active_high
    line.write(True)
    line.close()
    assert pin.state is not active_high or pin.function == "input"


def test_gpio_line_that_is_taken_is_refused(board: Any) -> None:
    first = GpioLine(23, active_high=True, factory=board)
    with pytest.raises(OutputFailed, match="gpio 23"):
        GpioLine(23, active_high=True, factory=board)
    first.close()
    first.close()
    with pytest.raises(OutputFailed):
        first.write(True)


def test_gpio_contact_tells_when_the_door_opens_and_shuts(board: Any) -> None:
    told: list[bool] = []
    contact = GpioContact(24, told.append, factory=board)
    pin = board.pin(24)
    # pulled up: nothing holds it to ground
    assert contact.is_open
    pin.drive_low()
    assert not contact.is_open
    pin.drive_high()
    assert told == [False, True]
    contact.close()
    with pytest.raises(OutputFailed, match="gpio 999"):
        GpioContact(999, told.append, factory=board)


def test_pin_factory_of_a_chip_that_is_not_there_is_refused() -> None:
    with pytest.raises(OutputFailed):
        pin_factory("gpiochip99")


def test_pins_are_opened_where_the_working_directory_cannot_be_written(tmp_path: Path) -> None:
    script = (
        "import os, threading\n"
        "from agent.doorbell.gpio_line import load_lgpio\n"
        "threads = [threading.Thread(target=load_lgpio) for _ in range(8)]\n"
        "[each.start() for each in threads], [each.join() for each in threads]\n"
        "import gpiozero.pins.lgpio\n"
        "print(os.getcwd())\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    # in which not even root can make a file, as a service cannot in its own, the root
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd="/proc",
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (ended.returncode, ended.stdout) == (0, "/proc\n"), ended.stderr
    assert list(tmp_path.iterdir()) == []
