"""The queueing delay of a socket: what waited on this machine did not wait in the network."""

from __future__ import annotations

import fcntl
import struct
import time
from typing import Any

# socket(7): when the last datagram that was read had arrived, by the wall clock
_SIOCGSTAMP = 0x8906
_TIMEVAL = struct.Struct("@ll")
# seconds; more is a wall clock that was set meanwhile
_LONGEST = 5.0


def socket_queueing_delay(transport: Any) -> float:
    """Seconds since the last datagram read from this asyncio transport reached the machine; 0 where
    nobody knows.
    """
    # a relayed transport has no socket of its own
    find = getattr(transport, "get_extra_info", None)
    socket = find("socket") if find is not None else None
    if socket is None:
        return 0.0
    try:
        seconds, microseconds = _TIMEVAL.unpack(
            fcntl.ioctl(socket.fileno(), _SIOCGSTAMP, bytes(_TIMEVAL.size))
        )
    except (OSError, ValueError):
        # the first call makes the kernel take the times; a closed socket is none any more
        return 0.0
    late = time.time() - seconds - microseconds / 1e6
    return late if 0.0 <= late <= _LONGEST else 0.0
