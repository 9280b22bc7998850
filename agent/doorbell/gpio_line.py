"""Outputs, and contacts of doors, on pins of the board by gpiozero 2: an extra (`callbox[gpio]`),
loaded only for them. A button has a module of its own, `gpio_button`.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any

from agent.doorbell.output_line import OutputFailed

_LOADING = threading.Lock()


def load_lgpio() -> Any:
    """The library behind gpiozero. Raises ImportError, or OSError where nothing can be written.

    It makes a pipe in the working directory as it is loaded. A service's is the root of a system
    that it may not write, and two programs in one folder take each other's.
    """
    with _LOADING:
        if "lgpio" not in sys.modules:
            # for all threads, so once, and one at a time
            with TemporaryDirectory(prefix="callbox-") as folder, contextlib.chdir(folder):
                importlib.import_module("lgpio")
        return sys.modules["lgpio"]


def pin_factory(chip: str) -> Any:
    """gpiozero's for a chip, its own choice where none is named. Raises OutputFailed."""
    try:
        with contextlib.suppress(ImportError):
            # gpiozero knows others, and says which are missing
            load_lgpio()
        if not chip:
            from gpiozero import Device

            # as gpiozero makes it for the first device
            return Device.pin_factory or Device._default_pin_factory()
        from gpiozero.pins.lgpio import LGPIOFactory

        return LGPIOFactory(chip=int(chip.removeprefix("gpiochip")))
    except ImportError as error:
        raise OutputFailed(f"gpiozero and lgpio are needed (callbox[gpio]): {error}") from error
    except Exception as error:
        # whatever gpiozero and the kernel have to say
        raise OutputFailed(f"no chip of pins: {error}") from error


class GpioLine:
    """An output line, off from the moment at which it is opened."""

    def __init__(
        self, gpio: int, *, active_high: bool, chip: str = "", factory: Any = None
    ) -> None:
        """Raises OutputFailed."""
        factory = factory or pin_factory(chip)
        try:
            from gpiozero import OutputDevice

            self._device: Any = OutputDevice(
                gpio, active_high=active_high, initial_value=False, pin_factory=factory
            )
        except Exception as error:
            # taken, not there, not permitted: gpiozero has an exception of its own for each
            raise OutputFailed(f"gpio {gpio}: {error}") from error

    def write(self, on: bool) -> None:
        try:
            self._device.value = on
        except Exception as error:
            # gpiozero's edge
            raise OutputFailed(str(error)) from error

    def close(self) -> None:
        # gpiozero's edge: what cannot be closed is given back by the kernel
        with contextlib.suppress(Exception):
            self._device.off()
        with contextlib.suppress(Exception):
            self._device.close()


class GpioContact:
    """An input with a pull-up: open while nothing holds it to ground.

    `changed` is called in a thread of gpiozero, with whether it is open.
    """

    def __init__(
        self, gpio: int, changed: Callable[[bool], None], *, chip: str = "", factory: Any = None
    ) -> None:
        """Raises OutputFailed."""
        factory = factory or pin_factory(chip)
        try:
            from gpiozero import DigitalInputDevice

            # active: at ground, so the door is shut
            self._device: Any = DigitalInputDevice(gpio, pull_up=True, pin_factory=factory)
            self._device.when_activated = lambda: changed(False)
            self._device.when_deactivated = lambda: changed(True)
        except Exception as error:
            # gpiozero's edge
            raise OutputFailed(f"gpio {gpio}: {error}") from error

    @property
    def is_open(self) -> bool:
        return not self._device.value

    def close(self) -> None:
        # gpiozero's edge
        with contextlib.suppress(Exception):
            self._device.close()
