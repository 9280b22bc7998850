"""Whether anybody takes in what we send. A far side may answer every check, and be dead behind
that.

Who receives media says so, at least every few seconds (RFC 3550 6.2); a page in the background
does, and one whose picture is paused. Not every stack does it, so only one that was used to it is
judged by it. And whoever sends anything else is there: sound, a picture, a word on the data
channel.
"""

from __future__ import annotations

# seconds: five reports of the slowest kind may be lost
UNHEEDED = 30.0
# reports, after which the next ones are expected
HABIT = 3
# seconds from one to the next; while we send nothing, nothing has to be said of it
_SLOWEST_PICTURES = 2.0


class Attention:
    """One transport. Fed with running totals."""

    def __init__(self) -> None:
        self._sent = self._received = 0
        self._since_sent = 0.0
        self._unheeded = 0.0

    def look(self, seconds: float, *, sent: int, received: int, reports: int) -> bool:
        """True once nobody has heeded us for so long, and again after as long once more.

        `seconds` since the last look; `sent`: packets of media; `received`: packets of any kind but
        connectivity checks; `reports`: how often the far side told what it gets of ours.
        """
        if received != self._received or reports < HABIT:
            self._received = received
            self._since_sent = self._unheeded = 0.0
        self._since_sent += seconds
        if sent != self._sent:
            self._sent = sent
            self._unheeded += min(self._since_sent, _SLOWEST_PICTURES)
            self._since_sent = 0.0
        if self._unheeded < UNHEEDED:
            return False
        self._unheeded = 0.0
        return True
