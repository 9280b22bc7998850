"""The RTP header extension that says how long the remote peer may hold a picture back.

Browsers play sound and picture of one stream in step: the picture waits as long as the sound does.
A queue on the way makes the sound's buffer long, and it stays so for half a minute after the queue
has gone, because it learns from the worst of each half second and forgets slowly. No sender can
shorten it. So the picture gets a limit: up to there it is in step with the sound, beyond it goes
first, for who looks through a camera wants to see now.

https://webrtc.googlesource.com/src/+/refs/heads/main/docs/native-code/rtp-hdrext/playout-delay/
"""

from __future__ import annotations

from aiortc.rtcrtpparameters import RTCRtpParameters
from aiortc.rtp import (
    HeaderExtensions,
    HeaderExtensionsMap,
    pack_header_extensions,
    unpack_header_extensions,
)

PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
# Seconds from arrival. The shortest is shorter than any remote peer needs, but not 0: that would
# mean "without a buffer", and jitter would be seen. The longest leaves room for the path and the
# screen within 300 ms, and for a packet to be resent on a path of 200 ms; a picture that comes
# later than that is shown as it comes.
MIN_DELAY, MAX_DELAY = 0.01, 0.2

# seconds; the unit of both, 12 bits each
_STEP = 0.01
_VALUE = (round(MIN_DELAY / _STEP) << 12 | round(MAX_DELAY / _STEP)).to_bytes(3, "big")


class ExtensionsMap(HeaderExtensionsMap):
    """aiortc's map, which also writes the playout delay where it was negotiated."""

    def __init__(self) -> None:
        super().__init__()
        self._playout_delay_id: int | None = None

    def configure(self, parameters: RTCRtpParameters) -> None:
        super().configure(parameters)
        for extension in parameters.headerExtensions:
            if extension.uri == PLAYOUT_DELAY:
                self._playout_delay_id = extension.id

    def set(self, values: HeaderExtensions) -> tuple[int, bytes]:
        profile, packed = super().set(values)
        if self._playout_delay_id is None:
            return profile, packed
        return pack_header_extensions(
            [*unpack_header_extensions(profile, packed), (self._playout_delay_id, _VALUE)]
        )
