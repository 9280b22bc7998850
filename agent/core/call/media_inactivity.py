"""Media inactivity: whether the remote peer still receives what we send.

A remote peer may answer every connectivity check, and be dead behind that. Who receives media
reports on it by RTCP at least every few seconds (RFC 3550 6.2), in the background and while its
picture is paused, too. Not every stack does, so only one that has done so is judged by it. Any
other packet (sound, a picture, a message on the data channel) counts as a sign of life as well.
"""

from __future__ import annotations

# seconds: five reports of the slowest kind may be lost
RTCP_TIMEOUT = 30.0
# reports after which the next ones are expected
MIN_REPORTS = 3
# seconds between two packets at the lowest frame rate; longer pauses of ours do not count
_MAX_SEND_INTERVAL = 2.0


class RtcpMonitor:
    """Of one transport. Fed with running totals."""

    def __init__(self) -> None:
        self._sent = self._received = 0
        self._since_sent = 0.0
        self._unreported = 0.0

    def timed_out(self, seconds: float, *, sent: int, received: int, reports: int) -> bool:
        """True once nothing was received for `RTCP_TIMEOUT` while we sent, and again after as long
        once more.

        `seconds` since the last call; `sent`: packets of media; `received`: packets of any kind but
        connectivity checks; `reports`: RTCP reports about what we sent.
        """
        if received != self._received or reports < MIN_REPORTS:
            self._received = received
            self._since_sent = self._unreported = 0.0
        self._since_sent += seconds
        if sent != self._sent:
            self._sent = sent
            self._unreported += min(self._since_sent, _MAX_SEND_INTERVAL)
            self._since_sent = 0.0
        if self._unreported < RTCP_TIMEOUT:
            return False
        self._unreported = 0.0
        return True
