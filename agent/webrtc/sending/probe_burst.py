"""Sending a probe: packets at a given rate for some fifty milliseconds, beside the pictures that
leave meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from agent.core.rate.probing import Probe

# seconds between two looks at what is to leave: each wakes the processor
TICK = 0.01


class ProbeBurst:
    """One at a time. `send` puts a packet on the wire that nobody needs, and returns its octets, 0
    where there is none; `octets` counts all that has left.
    """

    def __init__(self, send: Callable[[], int], octets: Callable[[], int]) -> None:
        self._send, self._octets = send, octets
        self._timer: asyncio.TimerHandle | None = None
        self._probe = Probe(0.0, 0.0)
        self._began_at = 0.0
        self._before = 0
        self._ended: Callable[[], None] = lambda: None

    @property
    def running(self) -> bool:
        return self._timer is not None

    def start(self, probe: Probe, ended: Callable[[], None]) -> None:
        """`ended` is called after its last packet."""
        self._probe, self._ended = probe, ended
        self._began_at, self._before = time.monotonic(), self._octets()
        self._tick()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = None
        elapsed = time.monotonic() - self._began_at
        probe = self._probe
        wanted = probe.bitrate / 8 * min(elapsed + TICK, probe.seconds)
        while self._octets() - self._before < wanted:
            if not self._send():
                self._ended()
                return
        if elapsed + TICK >= probe.seconds:
            self._ended()
        else:
            self._timer = asyncio.get_running_loop().call_later(TICK, self._tick)
