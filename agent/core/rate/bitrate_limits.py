"""The bounds of a conversation's bitrate: all of the rate control that is a setting."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class BitrateLimits:
    """Where a conversation's bitrate starts and what it stays between, in bit/s: the settings of
    `[video]`. Raises ValueError on bounds out of order.
    """

    # 720p30 that looks well, without asking for a fast uplink
    bitrate: int = 2_000_000
    # under it firmware encoders misbehave and the picture is no use
    min_bitrate: int = 250_000
    max_bitrate: int = 4_000_000

    def __post_init__(self) -> None:
        if not 0 < self.min_bitrate <= self.bitrate <= self.max_bitrate:
            raise ValueError(
                f"bitrates must satisfy 0 < min_bitrate <= bitrate <= max_bitrate, "
                f"got {self.min_bitrate}, {self.bitrate}, {self.max_bitrate}"
            )

    def capped(self, bitrate: int) -> BitrateLimits:
        """With nothing above `bitrate`, yet never below the minimum."""
        ceiling = max(self.min_bitrate, min(self.max_bitrate, bitrate))
        return replace(self, bitrate=min(self.bitrate, ceiling), max_bitrate=ceiling)
