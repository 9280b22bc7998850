"""Which share of packets gets lost on its way, by their numbers. Pure."""

from __future__ import annotations

_NUMBERS = 1 << 16
# of one packet: some five seconds of speech
_SMOOTHING = 1 / 256
# a jump so far is a stream that was restarted, no loss
_JUMP = 100
# from this share on there is much to be made up for; under the other no more
MUCH, LITTLE = 0.02, 0.01


class LossEstimate:
    """One stream of packets, in whatever order they arrive."""

    def __init__(self) -> None:
        self.share = 0.0
        self.much = False
        self._newest: int | None = None

    def add(self, number: int) -> None:
        """A packet of this sequence number has arrived."""
        ahead = 1 if self._newest is None else (number - self._newest) % _NUMBERS
        if 0 < ahead <= _JUMP:
            for _ in range(ahead - 1):
                self.share += _SMOOTHING * (1 - self.share)
            self.share -= _SMOOTHING * self.share
            self._newest = number
        elif ahead >= _NUMBERS - _JUMP:
            # it was late, not lost
            self.share = max(0.0, self.share - _SMOOTHING)
        elif ahead:
            self._newest = number
        self.much = self.share > (LITTLE if self.much else MUCH)
