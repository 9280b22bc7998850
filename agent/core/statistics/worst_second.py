"""The second of a call in which the fewest pictures came: reports, of two seconds or more, hide a
short stall.
"""

from __future__ import annotations

from agent.core.statistics.counters import PeerCounters
from agent.core.statistics.interval import received_media, sent_media
from agent.core.statistics.reports import WorstInterval

# seconds; what is left over at the end of a call or of a transport says nothing of a second
_SHORTEST = 0.5


class WorstSecond:
    """Of the picture of one conversation: that which is sent, else that which arrives."""

    def __init__(self) -> None:
        self.interval: WorstInterval | None = None
        self._before: PeerCounters | None = None
        # seconds
        self._watched = 0.0

    def start(self, counters: PeerCounters) -> None:
        """A transport begins to carry the media: it counts from zero."""
        self._before = PeerCounters(at=counters.at)

    def look(self, counters: PeerCounters) -> None:
        """The counters a second later; where they come late it is as long as it was."""
        before, self._before = self._before or counters, counters
        seconds = counters.at - before.at
        sent = sent_media(counters.video_sent, before.video_sent, seconds)
        received = received_media(
            counters.video_received,
            before.video_received,
            counters.video_sent,
            seconds,
            counters.transport,
        )
        picture = sent or received
        if picture is None or seconds <= 0:
            return
        self._watched += seconds
        rate = picture.frames_per_second or 0.0
        if seconds < _SHORTEST or (
            self.interval is not None and rate >= (self.interval.frames_per_second or 0.0)
        ):
            return
        self.interval = WorstInterval(
            after=round(self._watched - seconds, 1),
            duration=round(seconds, 1),
            frames_per_second=rate,
            bitrate=picture.bitrate,
            fraction_lost=received.fraction_lost if received else None,
            round_trip_time=received.round_trip_time if received else None,
        )
