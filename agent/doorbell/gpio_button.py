"""A button on a pin of the board, by gpiozero 2: an extra (`callbox[gpio]`), loaded only for it."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from agent.doorbell.button_line import ButtonFailed, Changed
from agent.doorbell.button_settings import ButtonSettings
from agent.doorbell.gpio_line import pin_factory
from agent.doorbell.output_line import OutputFailed

# seconds: the library drops what is shorter in its own thread, by the kernel's time stamps, so that
# noise on a long wire costs little. What counts as a press is for `core/ring` to say.
DEBOUNCE = 0.005


class GpioButton:
    """`changed` is called in a thread of gpiozero. `factory` is gpiozero's, its own choice unless
    given.
    """

    def __init__(self, settings: ButtonSettings, changed: Changed, factory: Any = None) -> None:
        """Raises ButtonFailed."""
        self._device = _open(settings, factory)
        self._device.when_activated = lambda: changed(True, time.monotonic())
        self._device.when_deactivated = lambda: changed(False, time.monotonic())

    @property
    def pressed(self) -> bool:
        return bool(self._device.value)

    def close(self) -> None:
        # gpiozero's edge: what cannot be closed is given back by the kernel
        with contextlib.suppress(Exception):
            self._device.close()


def _open(settings: ButtonSettings, factory: Any) -> Any:
    try:
        # first: it says what has to be installed
        pins = factory or pin_factory(settings.chip)
        from gpiozero import DigitalInputDevice

        pull_up = {"up": True, "down": False}.get(settings.pull)
        return DigitalInputDevice(
            settings.gpio,
            pull_up=pull_up,
            # without a pull of the board's own, pressed is at ground
            active_state=False if pull_up is None else None,
            bounce_time=DEBOUNCE,
            pin_factory=pins,
        )
    except (ImportError, OutputFailed) as error:
        raise ButtonFailed(str(error)) from error
    except Exception as error:
        # taken, not there, not permitted: gpiozero has an exception of its own for each
        raise ButtonFailed(f"gpio {settings.gpio}: {error}") from error
