"""What a publishing device needs of MQTT 5, encoded by hand: ten thousand of them fit one process.

Only QoS 0 and 1 are spoken; what a broker sends is split into packets and not looked into further.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP, DISCONNECT = 2, 3, 4, 9, 13, 14
PINGREQ = b"\xc0\x00"
# normal: the broker forgets the will
GOODBYE = b"\xe0\x00"


@dataclass(frozen=True, slots=True)
class DelayedWill:
    """What the broker says for a device that is gone for `delay` seconds; retained, QoS 1."""

    topic: str
    payload: bytes
    delay: int


def connect_packet(client_id: str, *, keepalive: int, expiry: int, will: DelayedWill) -> bytes:
    """CONNECT for a session that goes on, and ends `expiry` seconds after the connection."""
    properties = b"\x11" + expiry.to_bytes(4, "big")
    delay = b"\x18" + will.delay.to_bytes(4, "big")
    # will, retained, QoS 1; no clean start
    flags = 0x04 | 0x20 | 0x08
    body = (
        _text("MQTT")
        + bytes([5, flags])
        + keepalive.to_bytes(2, "big")
        + _length(len(properties))
        + properties
        + _text(client_id)
        + _length(len(delay))
        + delay
        + _text(will.topic)
        + len(will.payload).to_bytes(2, "big")
        + will.payload
    )
    return _packet(0x10, body)


def publish_packet(
    topic: str, payload: bytes, packet_id: int = 0, *, retain: bool = False, again: bool = False
) -> bytes:
    """PUBLISH: QoS 1 with a packet id, else QoS 0."""
    flags = 0x30 | (0x08 if again else 0) | (0x02 if packet_id else 0) | (0x01 if retain else 0)
    number = packet_id.to_bytes(2, "big") if packet_id else b""
    return _packet(flags, _text(topic) + number + b"\x00" + payload)


def subscribe_packet(packet_id: int, *filters: str) -> bytes:
    """SUBSCRIBE at QoS 1."""
    wanted = b"".join(_text(each) + b"\x01" for each in filters)
    return _packet(0x82, packet_id.to_bytes(2, "big") + b"\x00" + wanted)


def puback_packet(packet_id: int) -> bytes:
    return b"\x40\x02" + packet_id.to_bytes(2, "big")


class PacketReader:
    """Splits what arrives into packets: (type, body)."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        data = self._rest + data if self._rest else data
        begin, end = 0, len(data)
        while begin < end:
            length, position, shift = 0, begin + 1, 0
            while position < end:
                byte = data[position]
                length |= (byte & 0x7F) << shift
                shift += 7
                position += 1
                if byte < 0x80:
                    break
            else:
                break
            if position + length > end:
                break
            yield data[begin] >> 4, data[position : position + length]
            begin = position + length
        self._rest = data[begin:]


def acknowledged(body: bytes) -> int:
    """The packet id of a PUBACK's body."""
    return int.from_bytes(body[:2], "big")


def refusal(body: bytes) -> int:
    """The reason code of a CONNACK's body: 0 where we are let in."""
    return body[1]


def _packet(head: int, body: bytes) -> bytes:
    return bytes([head]) + _length(len(body)) + body


def _length(value: int) -> bytes:
    found = bytearray()
    while True:
        value, low = divmod(value, 128)
        found.append(low | (0x80 if value else 0))
        if not value:
            return bytes(found)


def _text(value: str) -> bytes:
    encoded = value.encode()
    return len(encoded).to_bytes(2, "big") + encoded
