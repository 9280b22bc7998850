"""A chip with lines, by the kernel's gpio-sim: a real character device, whose outer ends a test
holds. Inside the lab only.
"""

from __future__ import annotations

import itertools
from pathlib import Path

_CONFIGFS = Path("/sys/kernel/config/gpio-sim")
_PERSIST = Path("/sys/module/gpio_sim/parameters/persist_outputs")
_numbers = itertools.count()


class GpioChip:
    """As on a Raspberry Pi: `LINES` lines, named GPIO0 and so on. Gone after `close()`.

    It belongs to the kernel, not to a process: whoever holds a line may be killed.
    """

    LABEL = "pinctrl-bcm2835"
    LINES = 28

    def __init__(self) -> None:
        self._folder = _CONFIGFS / f"board{next(_numbers)}"
        bank = self._folder / "bank0"
        bank.mkdir(parents=True)
        (bank / "num_lines").write_text(str(self.LINES))
        (bank / "label").write_text(self.LABEL)
        for line in range(self.LINES):
            named = bank / f"line{line}"
            named.mkdir()
            (named / "name").write_text(f"GPIO{line}")
        self.plug()

    def __enter__(self) -> GpioChip:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def number(self) -> int:
        """Of /dev/gpiochip."""
        return int(self._name.removeprefix("gpiochip"))

    @property
    def path(self) -> str:
        return f"/dev/{self._name}"

    def pull(self, line: int, level: int) -> None:
        """What is wired to the line: 1 up, 0 down. An input reads it at once."""
        text = "pull-up" if level else "pull-down"
        (self._outside / f"sim_gpio{line}/pull").write_text(text)

    def level(self, line: int) -> int:
        """What the line has, seen from outside: of an output, what it drives."""
        return int((self._outside / f"sim_gpio{line}/value").read_text())

    def keep_released_outputs(self, keep: bool) -> None:
        """Whether an output that nobody holds any more keeps its level, as some boards do, or falls
        back to what it is pulled to, as others do. Raises FileNotFoundError where the kernel knows
        one way only.
        """
        if not _PERSIST.exists():
            raise FileNotFoundError(f"{_PERSIST}: not of this kernel")
        _PERSIST.write_text("Y" if keep else "N")

    def pull_out(self) -> None:
        """The whole chip goes, as an expander on USB would; whoever holds a line gets ENODEV."""
        (self._folder / "live").write_text("0")

    def plug(self) -> None:
        (self._folder / "live").write_text("1")
        device = (self._folder / "dev_name").read_text().strip()
        self._name = (self._folder / "bank0/chip_name").read_text().strip()
        self._outside = Path("/sys/devices/platform") / device / self._name

    def close(self) -> None:
        """Idempotent."""
        if not self._folder.exists():
            return
        self.pull_out()
        bank = self._folder / "bank0"
        for line in range(self.LINES):
            (bank / f"line{line}").rmdir()
        bank.rmdir()
        self._folder.rmdir()
