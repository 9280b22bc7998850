"""How long and how badly a picture suffered, added up over the intervals of its reports."""

from __future__ import annotations

from agent.core.statistics.interval import rounded
from agent.core.statistics.reports import LocalStats, RemoteStats, Score

NOT_LIMITED = "none"
PICTURE_MODEL = "callbox-picture-1"
# pictures a second, and bits a pixel of H.264, from which more makes hardly any difference
_FULL_RATE = 25.0
_FULL_BITS = 0.06


class Degradation:
    """Of the picture of one conversation."""

    def __init__(self) -> None:
        # seconds
        self.watched = 0.0
        self.degraded = 0.0
        self.limited: dict[str, float] = {}
        # sums over `watched`
        self._rate = 0.0
        self._bits = 0.0

    def add(self, local: LocalStats, remote: RemoteStats, seconds: float) -> None:
        """The reports of an interval of `seconds`."""
        picture = local.video or remote.video
        if picture is None or seconds <= 0:
            return
        self.watched += seconds
        reason = local.video.quality_limitation_reason if local.video else None
        if reason is not None:
            self.limited[reason] = self.limited.get(reason, 0.0) + seconds
        rate = picture.frames_per_second or 0.0
        if reason not in (None, NOT_LIMITED) or rate == 0:
            self.degraded += seconds
        self._rate += seconds * min(1.0, rate / _FULL_RATE)
        pixels = (picture.frame_width or 0) * (picture.frame_height or 0) * rate
        if pixels:
            self._bits += seconds * min(1.0, (picture.bitrate or 0) / pixels / _FULL_BITS)

    def durations(self) -> dict[str, float] | None:
        """W3C's qualityLimitationDurations: seconds by reason."""
        return {reason: round(each, 1) for reason, each in self.limited.items()} or None

    @property
    def degraded_duration(self) -> float | None:
        """Seconds, or None where no picture was watched."""
        return rounded(self.degraded, 1) if self.watched else None

    def score(self, frozen: float) -> Score | None:
        """1 (bad) to 5: of the rate, the bits a pixel, and the share of time without a freeze of
        `frozen` seconds in all. None where no picture was watched.
        """
        if not self.watched:
            return None
        moving = max(0.0, 1 - frozen / self.watched)
        share = (self._rate / self.watched) * (0.4 + 0.6 * self._bits / self.watched) * moving
        return Score(score=round(1 + 4 * share, 2), model=PICTURE_MODEL)
