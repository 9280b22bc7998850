"""What is asked of an encoder, in one meaning from a conversation to the camera. Pure."""

from __future__ import annotations

from typing import NamedTuple

FEWEST_BITS_PER_PIXEL = 0.005
"""Below this every picture is mud; half as many are watchable. 1280x720 at 30 fps: 138 kbit/s."""
MAX_FRAME_DIVISOR = 4
"""One picture in four is the least: 7.5 a second of 30."""
_RETURN = 1.5
"""How many times as much there must be before the rate goes up again, so that it does not flutter.
"""


class EncoderDemand(NamedTuple):
    """Encode at `bitrate` bit/s as if every picture were made, and make one in `frame_divisor`.

    So each picture gets the bits that it would get beside all the others, and `sent_bitrate` is
    what leaves.
    """

    bitrate: int
    frame_divisor: int = 1

    @property
    def sent_bitrate(self) -> int:
        """bit/s"""
        return self.bitrate // self.frame_divisor

    @staticmethod
    def fitting(bitrate: int, divisor: int, min_bitrate: int) -> EncoderDemand:
        """What sends `bitrate // divisor` bit/s with the most pictures that `min_bitrate` allows
        each their bits. `bitrate` is `min_bitrate` at least.
        """
        needed = next(
            each for each in range(1, divisor + 1) if bitrate * each >= min_bitrate * divisor
        )
        return EncoderDemand(bitrate * needed // divisor, needed)

    def thinned(self, pixel_rate: float, min_bitrate: int, now: int = 1) -> EncoderDemand:
        """The same bit/s in as many pictures as they are enough for; `now` is the divisor so far.

        `pixel_rate` is that of all pictures, in pixels/s. The bitrate of the result is at least
        `min_bitrate`, unless that takes more than `MAX_FRAME_DIVISOR`.
        """
        divisor = next(
            (
                each
                for each in range(1, MAX_FRAME_DIVISOR)
                if self._is_enough(each, pixel_rate * (_RETURN if each < now else 1), min_bitrate)
            ),
            MAX_FRAME_DIVISOR,
        )
        return self.divided(divisor)

    def divided(self, divisor: int) -> EncoderDemand:
        """The same bit/s in one picture in `divisor`."""
        return EncoderDemand(self.bitrate * divisor // self.frame_divisor, divisor)

    def _is_enough(self, divisor: int, pixel_rate: float, min_bitrate: int) -> bool:
        enough = max(FEWEST_BITS_PER_PIXEL * pixel_rate, min_bitrate)
        return self.bitrate * divisor >= enough * self.frame_divisor
