"""Whether an MQTT client says who it is: its CONNECT packet, read just far enough.

MQTT 3.1.1 and 5.0, section 3.1. The broker judges name and password; this only keeps out who gives
none.
"""

from __future__ import annotations

from dataclasses import dataclass

# bytes of a CONNECT packet; with its will and its properties it stays far below
MAX_CONNECT = 64 * 1024
_CONNECT = 0x10
_HAS_WILL, _HAS_USER_NAME = 0x04, 0x80


class NotConnect(Exception):  # noqa: N818 - it names a thing that came in
    """The first bytes are no CONNECT packet of MQTT 3.1.1 or 5.0."""


@dataclass(frozen=True, slots=True)
class Login:
    """`level` is the protocol's: 4 or 5. `username` None or empty: nobody."""

    level: int
    username: str | None

    def refusal(self) -> bytes:
        """A CONNACK that says "not authorized"."""
        if self.level == 5:
            return bytes((0x20, 3, 0, 0x87, 0))
        return bytes((0x20, 2, 0, 5))


def read_login(data: bytes) -> Login | None:
    """Of the bytes that a connection begins with; None while too few have come.

    Raises NotConnect for anything that cannot become a CONNECT packet within MAX_CONNECT bytes.
    """
    if not data:
        return None
    if data[0] != _CONNECT:
        raise NotConnect
    length = _variable_integer(data, 1)
    if length is None:
        return None
    size, start = length
    if start + size > MAX_CONNECT:
        raise NotConnect
    if len(data) < start + size:
        return None
    try:
        return _parse(_Reader(data[start : start + size]))
    except (IndexError, UnicodeDecodeError) as error:
        raise NotConnect from error


def _parse(packet: _Reader) -> Login:
    if packet.text() != "MQTT":
        raise NotConnect
    level, flags = packet.byte(), packet.byte()
    if level not in (4, 5):
        raise NotConnect
    packet.skip(2)  # keep alive
    if level == 5:
        packet.properties()
    packet.binary()  # client identifier
    if flags & _HAS_WILL:
        if level == 5:
            packet.properties()
        packet.binary()
        packet.binary()
    return Login(level, packet.text() if flags & _HAS_USER_NAME else None)


class _Reader:
    """Raises IndexError at the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        return self._take(1)[0]

    def skip(self, count: int) -> None:
        self._take(count)

    def binary(self) -> bytes:
        return self._take(int.from_bytes(self._take(2)))

    def text(self) -> str:
        return self.binary().decode()

    def properties(self) -> None:
        length = _variable_integer(self._data, self._at)
        if length is None:
            raise IndexError
        size, self._at = length
        self.skip(size)

    def _take(self, count: int) -> bytes:
        part = self._data[self._at : self._at + count]
        if len(part) < count:
            raise IndexError
        self._at += count
        return part


def _variable_integer(data: bytes, at: int) -> tuple[int, int] | None:
    """Its value and where it ends; None where it is not complete. Raises NotConnect."""
    value = 0
    for number in range(4):
        if at + number >= len(data):
            return None
        value |= (data[at + number] & 0x7F) << 7 * number
        if not data[at + number] & 0x80:
            return value, at + number + 1
    raise NotConnect
