"""Packets of pictures, and what a frame buffer gives out of them."""

from __future__ import annotations

from agent.webrtc.receiving.frame_buffer import (
    FrameBuffer,
    VideoPacket,
)

CODE = b"\x00\x00\x00\x01"

SETS = CODE + b"\x67sps" + CODE + b"\x68pps"


class Stream:
    """Pictures as a far side sends them: `size` packets each, and 3000 ticks apart."""

    def __init__(self, start: int = 0) -> None:
        self.number = start
        self.pictures = 0
        # of each picture: which it is, and whether a key frame
        self.data: dict[bytes, tuple[int, bool]] = {}

    def key(self, size: int = 1) -> list[VideoPacket]:
        return self._picture(SETS + CODE + b"\x65", size, key=True)

    def delta(self, size: int = 1) -> list[VideoPacket]:
        return self._picture(CODE + b"\x41", size, key=False)

    def sets(self, *, own_time: bool = True) -> list[VideoPacket]:
        """Parameter sets in a unit of their own, with the next picture's time or one between."""
        timestamp = self.pictures * 3000 - (1500 if own_time else 0)
        self.number += 1
        return [VideoPacket((self.number - 1) & 0xFFFF, timestamp & 0xFFFFFFFF, True, SETS)]

    def bare_key(self, size: int = 1) -> list[VideoPacket]:
        """A key frame without parameter sets; given out it has some."""
        # 0x88: the picture's first slice
        packets = self._picture(CODE + b"\x65\x88", size, key=True)
        bare = b"".join(packet.data for packet in packets)
        self.data[SETS + bare] = self.data.pop(bare)
        return packets

    def padding(self) -> list[VideoPacket]:
        """One packet of it, behind the last picture."""
        self.number += 1
        return [
            VideoPacket(
                (self.number - 1) & 0xFFFF, (self.pictures - 1) * 3000 & 0xFFFFFFFF, False, b""
            )
        ]

    def _picture(self, head: bytes, size: int, *, key: bool) -> list[VideoPacket]:
        parts = [b"%d.%d " % (self.pictures, at) for at in range(size)]
        parts[0] = head + parts[0]
        packets = [
            VideoPacket((self.number + at) & 0xFFFF, self.pictures * 3000, at == size - 1, part)
            for at, part in enumerate(parts)
        ]
        self.data[b"".join(parts)] = self.pictures, key
        self.number += size
        self.pictures += 1
        return packets


class Buffer:
    """What a stream's buffer gives out, by the number of the picture. A picture that is not whole
    is a KeyError.
    """

    def __init__(self, stream: Stream) -> None:
        self.now = 0.0
        self.pictures: list[int] = []
        self.times: list[int] = []
        self._stream = stream
        self._buffer = FrameBuffer(self._take)

    def take_parameter_sets(self, sets: bytes) -> None:
        self._buffer.take_parameter_sets(sets)

    def add(self, *packets: VideoPacket) -> int:
        """How many of them ask for a key frame."""
        return sum(self._buffer.add(self.now, one) for one in packets)

    def _take(self, data: bytes, timestamp: int) -> None:
        self.pictures.append(self._stream.data[data][0])
        self.times.append(timestamp)
