"""For how long an output is on, whatever is asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Pulse:
    """Of one output: never on for longer than `longest` seconds without a break of `rest` seconds;
    None: it stays on. `now` is in seconds of a clock that is never set.
    """

    longest: float | None
    rest: float = 0.0
    # since when, and until when
    since: float | None = None
    until: float | None = None
    # when it went off last
    ended: float | None = None

    def on(self, now: float, seconds: float | None = None) -> bool:
        """Go on, for `seconds` or as long as may be; once more while it is on makes it no shorter.
        False while it has to rest.
        """
        self.expire(now)
        if self.since is None:
            if self.ended is not None and now - self.ended < self.rest:
                return False
            self.since = now
            self.until = now if seconds is not None else None
        lengths = [each for each in (seconds, self.longest) if each is not None]
        wanted = None if not lengths else now + min(lengths)
        self.until = _later(self.until, wanted)
        if self.longest is not None:
            end = self.since + self.longest
            self.until = end if self.until is None else min(self.until, end)
        return True

    def off(self, now: float) -> None:
        if self.since is not None:
            self.since, self.until, self.ended = None, None, now

    def expire(self, now: float) -> bool:
        """Go off if it is time; whether it did."""
        if self.until is None or now < self.until:
            return False
        self.off(now)
        return True

    @property
    def is_on(self) -> bool:
        return self.since is not None


def _later(one: float | None, other: float | None) -> float | None:
    """None never ends."""
    return None if one is None or other is None else max(one, other)
