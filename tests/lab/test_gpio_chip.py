"""The simulated chip is one that gpiozero's own library takes for a board's."""

from __future__ import annotations

import subprocess
import sys

import pytest

from agent.doorbell.gpio_line import load_lgpio
from tests.lab.gpio_chip import GpioChip

pytestmark = pytest.mark.lab

BUTTON, DOOR = 17, 27
# holds an output until it is killed
HOLDER = f"""
import sys, time
from agent.doorbell.gpio_line import load_lgpio
lgpio = load_lgpio()
chip = lgpio.gpiochip_open(int(sys.argv[1]))
lgpio.gpio_claim_output(chip, {DOOR}, 1)
print("on", flush=True)
time.sleep(1000)
"""


def test_gpio_chip_input_reads_what_it_is_pulled_to(gpio_chip: GpioChip) -> None:
    lgpio = load_lgpio()
    handle = lgpio.gpiochip_open(gpio_chip.number)
    try:
        _, lines, _, label = lgpio.gpio_get_chip_info(handle)
        assert (lines, label) == (GpioChip.LINES, GpioChip.LABEL)
        lgpio.gpio_claim_input(handle, BUTTON)
        for level in (1, 0, 1):
            gpio_chip.pull(BUTTON, level)
            assert lgpio.gpio_read(handle, BUTTON) == level
    finally:
        lgpio.gpiochip_close(handle)


@pytest.mark.parametrize("keep", [False, True])
def test_gpio_chip_output_of_a_killed_process(gpio_chip: GpioChip, keep: bool) -> None:
    """Boards differ: the line falls, or stays."""
    gpio_chip.keep_released_outputs(keep)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(gpio_chip.number)], cwd="/run", stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"on\n"
        assert gpio_chip.level(DOOR) == 1
        holder.kill()
    assert gpio_chip.level(DOOR) == int(keep)
