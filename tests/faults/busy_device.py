"""`callbox` with a test pattern that has as much to show as a camera in the wind: a band of noise
fills any bitrate.

    python -m tests.faults.busy_device run --config FILE

With `BITRATE_TRACE=FILE` every call of the bitrate controller is written there, one line of JSON
each.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, TextIO

import agent.media.pattern.pattern_source
from agent.cli import main
from agent.core.rate.controller import BitrateController
from agent.core.rate.receiver_report import ReceiverReport
from agent.media.pattern.picture import PatternPicture

_DARKEST, _SHADES = 40, 24
_TOP, _BOTTOM = 0.45, 0.75  # of the height
_NOISE_SIZE = 1 << 18


class BusyPicture(PatternPicture):
    def __init__(self, width: int, height: int, uid: str) -> None:
        super().__init__(width, height, uid)
        self._random = random.Random(1)
        self._noise = bytes(_DARKEST + self._random.randrange(_SHADES) for _ in range(_NOISE_SIZE))

    def draw(self, milliseconds: int, frame_number: int) -> None:
        super().draw(milliseconds, frame_number)
        luma = memoryview(self.frame.planes[0])
        width, stride = self.frame.width, self.frame.planes[0].line_size
        offset = self._random.randrange(_NOISE_SIZE // 2)
        for row in range(int(_TOP * self.frame.height), int(_BOTTOM * self.frame.height)):
            start = offset + row * width % (_NOISE_SIZE // 2 - width)
            luma[row * stride : row * stride + width] = self._noise[start : start + width]


def trace(file: TextIO) -> None:
    """Record what the controller is told, and what it decides."""

    def recorded(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(
            self: BitrateController, *arguments: float | ReceiverReport | Sequence[float | None]
        ) -> Any:
            result = method(self, *arguments)
            if name != "update" or result is not None:
                file.write(json.dumps([name, *arguments, result, self.why], default=asdict) + "\n")
            return result

        return call

    for name in (
        "on_receiver_report",
        "on_remb",
        "on_transport_feedback",
        "on_nack",
        "on_send_queue",
        "on_sent_bitrate",
        "update",
    ):
        setattr(BitrateController, name, recorded(name, getattr(BitrateController, name)))


setattr(agent.media.pattern.pattern_source, "PatternPicture", BusyPicture)  # noqa: B010 - not among its exports

if __name__ == "__main__":
    if "BITRATE_TRACE" in os.environ:
        trace(open(os.environ["BITRATE_TRACE"], "w", buffering=1))  # noqa: SIM115 - until the process ends
    main()
