"""What can be asked of a Raspberry Pi's camera, beside size, rate and bitrate (the `[camera]`
settings).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Region = tuple[float, float, float, float]
"""left, top, width, height as fractions of the sensor's picture."""


@dataclass(frozen=True, slots=True)
class CameraOptions:
    """`rotation` is 0 or 180 degrees. `controls` are libcamera's, by name; text is the name of an
    enumeration's value.

    `autofocus`: default | continuous | once | manual. `noise_reduction`: default | off | minimal |
    fast | high_quality.
    """

    number: int = 0
    hflip: bool = False
    vflip: bool = False
    rotation: int = 0
    autofocus: str = "default"
    noise_reduction: str = "default"
    region: Region | None = None
    controls: Mapping[str, Any] = field(default_factory=dict)

    @property
    def flips(self) -> tuple[bool, bool]:
        """Left to right, and top to bottom: half a turn is both."""
        turned = self.rotation == 180
        return self.hflip != turned, self.vflip != turned
