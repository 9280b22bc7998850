"""A USB sound card that can be pulled: the kernel's own gadget on its own bus. Inside the lab only.

It has two ends: the device's, a card like any other on USB, and the one that the test holds in
place of microphone and loudspeaker. What one plays, the other captures.
"""

from __future__ import annotations

import time
from pathlib import Path

from tests.waiting import PATIENCE

_GADGET = Path("/sys/kernel/config/usb_gadget/sound")
_PORT = Path("/sys/bus/usb/devices/1-0:1.0/usb1-port1/disable")
_CARDS = Path("/proc/asound")
_UDC = "dummy_udc.0"
_RATE = 48000


class NoUsbSoundError(Exception):
    """This kernel's bus has no isochronous transfers."""


class UsbCard:
    """Plugged in from the start; gone after `close()`."""

    ID = "Doorbell"
    CARD = f"plughw:CARD={ID},DEV=0"
    OUTSIDE = "plughw:CARD=UAC2Gadget,DEV=0"

    def __init__(self) -> None:
        function, configuration = _GADGET / "functions/uac2.0", _GADGET / "configs/c.1"
        for folder in (function, _GADGET / "strings/0x409", configuration / "strings/0x409"):
            folder.mkdir(parents=True)
        for name, value in (
            ("idVendor", "0x1d6b"),
            ("idProduct", "0x0101"),
            ("strings/0x409/manufacturer", "callbox"),
            ("strings/0x409/product", self.ID),
            ("strings/0x409/serialnumber", "1"),
        ):
            (_GADGET / name).write_text(value)
        # c: what the card plays, p: what it captures
        for end, control in (("c", "Speaker"), ("p", "Mic")):
            (function / f"{end}_fu_vol_name").write_text(control)
            (function / f"{end}_srate").write_text(str(_RATE))
            (function / f"{end}_ssize").write_text("2")
            (function / f"{end}_chmask").write_text("1")
        (configuration / "uac2.0").symlink_to(function)
        try:
            (_GADGET / "UDC").write_text(_UDC)
        except OSError as error:
            self._remove()
            raise NoUsbSoundError("no USB sound in this kernel: make lab builds one") from error
        self._wait_for_card(True)

    def __enter__(self) -> UsbCard:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def pull_out(self) -> None:
        """Whoever has it open gets ENODEV; the outer end stays."""
        _PORT.write_text("1")
        self._wait_for_card(False)

    def plug(self) -> None:
        _PORT.write_text("0")
        self._wait_for_card(True)

    def close(self) -> None:
        """Idempotent."""
        if _GADGET.exists():
            _PORT.write_text("0")
            (_GADGET / "UDC").write_text("\n")
            self._wait_for_card(False)
            self._remove()

    def _remove(self) -> None:
        (_GADGET / "configs/c.1/uac2.0").unlink()
        for name in (
            *("configs/c.1/strings/0x409", "configs/c.1", "functions/uac2.0"),
            *("strings/0x409", ""),
        ):
            (_GADGET / name).rmdir()

    def _wait_for_card(self, present: bool) -> None:
        """The kernel finds it by itself, and tells nobody who does not listen to its uevents."""
        deadline = time.monotonic() + PATIENCE
        while (_CARDS / self.ID).exists() is not present:
            assert time.monotonic() < deadline, f"the card is{' not' * present} there"
            time.sleep(0.01)
