"""A path between two peers that loses packets of pictures: their candidates are changed to lead
here, as the tests carry the descriptions anyway.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_CANDIDATE = re.compile(r"a=candidate:\S+ 1 udp \d+ (\d+(?:\.\d+){3}) (\d+) typ host.*", re.I)
# bytes; sound and checks are smaller
_LARGE = 300


class _Side(asyncio.DatagramProtocol):
    """What one peer takes for the other: what arrives here leaves at the other side."""

    def __init__(self, path: LossyPath) -> None:
        self._path = path
        self.transport: asyncio.DatagramTransport
        self.other: _Side
        # where the peer itself is
        self.peer: tuple[str, int] | None = None
        self.loses = False

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.other.peer is not None and not (self.loses and self._path.drops(data)):
            self.other.transport.sendto(data, self.other.peer)

    def error_received(self, exc: Exception) -> None: ...


class LossyPath:
    """Every tenth large packet of RTP from the first peer gets lost."""

    def __init__(self) -> None:
        self.large = self.lost = 0
        self._first, self._second = _Side(self), _Side(self)
        self._first.other, self._second.other = self._second, self._first
        self._first.loses = True

    async def start(self, host: str) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self._first, local_addr=(host, 0))
        await loop.create_datagram_endpoint(lambda: self._second, local_addr=(host, 0))

    def close(self) -> None:
        for side in (self._first, self._second):
            side.transport.close()

    def drops(self, data: bytes) -> bool:
        if len(data) < _LARGE or not 128 <= data[0] < 192:
            return False
        self.large += 1
        lost = self.large % 10 == 0
        self.lost += lost
        return lost

    def from_first(self, sdp: str) -> str:
        """The first peer's description, as the second one is to get it."""
        return _redirected(sdp, self._first, self._second)

    def from_second(self, sdp: str) -> str:
        return _redirected(sdp, self._second, self._first)


def _redirected(sdp: str, own: _Side, shown: _Side) -> str:
    """With one candidate in place of all: the side that the other peer talks to."""
    lines = []
    for section in re.split(r"(?=^m=)", sdp, flags=re.M):
        found = _CANDIDATE.search(section)
        kept = re.sub(r"a=candidate:.*\r?\n", "", section)
        if found is not None:
            own.peer = own.peer or (found[1], int(found[2]))
            host, port = shown.transport.get_extra_info("sockname")
            candidate = f"a=candidate:1 1 udp 2130706431 {host} {port} typ host\r\n"
            kept = kept.replace("a=end-of-candidates\r\n", "") + candidate
        lines.append(kept)
    return "".join(lines)


@asynccontextmanager
async def lossy_path(sdp: str) -> AsyncIterator[LossyPath]:
    """At the address of that description's first candidate."""
    path = LossyPath()
    found = _CANDIDATE.search(sdp)
    assert found is not None, sdp
    await path.start(found[1])
    try:
        yield path
    finally:
        path.close()
