"""A broker that does as it is told: one script for each connection, on MQTT 5, down to the single
packet.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.web.stream_connections import StreamConnections
from tests.waiting import PATIENCE

CONNECT, CONNACK, PUBLISH, PUBACK = (
    PacketTypes.CONNECT,
    PacketTypes.CONNACK,
    PacketTypes.PUBLISH,
    PacketTypes.PUBACK,
)
SUBSCRIBE, SUBACK = PacketTypes.SUBSCRIBE, PacketTypes.SUBACK
UNSUBSCRIBE = PacketTypes.UNSUBSCRIBE
PINGREQ, PINGRESP, DISCONNECT = PacketTypes.PINGREQ, PacketTypes.PINGRESP, PacketTypes.DISCONNECT


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of the client's. Of the fields below `flags`, those that its type has."""

    kind: int
    flags: int
    id: int = 0
    topic: str = ""
    payload: bytes = b""
    filters: tuple[tuple[str, int], ...] = ()
    client_id: str = ""
    clean_start: bool = False
    keepalive: int = 0
    will: tuple[str, bytes, Properties] | None = None
    username: str | None = None
    reason: int = 0
    properties: Properties | None = None

    @property
    def qos(self) -> int:
        return self.flags >> 1 & 3

    @property
    def duplicate(self) -> bool:
        return bool(self.flags & 8)


class Connection:
    """One client's connection, as its script sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, kind: int) -> Packet:
        """The client's next packet, which is of this kind."""
        packet = await self.read_any()
        assert packet.kind == kind, f"{packet} instead of packet type {kind}"
        return packet

    async def read_any(self) -> Packet:
        """The client's next packet. Raises IncompleteReadError where it hangs up instead."""
        async with asyncio.timeout(PATIENCE):
            first = (await self._reader.readexactly(1))[0]
            length = shift = 0
            more = True
            while more:
                byte = (await self._reader.readexactly(1))[0]
                length, shift, more = length | (byte & 0x7F) << shift, shift + 7, byte > 0x7F
            return _parse(first >> 4, first & 15, _Cursor(await self._reader.readexactly(length)))

    async def hung_up(self) -> list[Packet]:
        """What the client still says until it hangs up."""
        packets = []
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                packets.append(await self.read_any())
        return packets

    async def accept(self, *, session_present: bool = False, **properties: Any) -> Packet:
        """Read CONNECT and consent to it; the CONNECT."""
        packet = await self.read(CONNECT)
        self.connack(session_present=session_present, **properties)
        return packet

    async def subscribed(self) -> Packet:
        """Read SUBSCRIBE and grant all of it; the SUBSCRIBE."""
        packet = await self.read(SUBSCRIBE)
        self.suback(packet)
        return packet

    def connack(self, reason: int = 0, *, session_present: bool = False, **properties: Any) -> None:
        self._send(CONNACK, 0, bytes([session_present, reason]) + _properties(CONNACK, properties))

    def suback(self, packet: Packet, *reasons: int) -> None:
        """Answer a SUBSCRIBE; grants what was asked for unless there are reasons."""
        granted = reasons or [qos for _, qos in packet.filters]
        self._send(SUBACK, 0, packet.id.to_bytes(2) + b"\0" + bytes(granted))

    def publish(self, topic: str, payload: bytes, packet_id: int = 0, **properties: Any) -> None:
        """With QoS 1 where there is a packet id."""
        identifier = packet_id.to_bytes(2) if packet_id else b""
        rest = _text(topic) + identifier + _properties(PUBLISH, properties) + payload
        self._send(PUBLISH, 2 if packet_id else 0, rest)

    def puback(self, packet: Packet, reason: int = 0) -> None:
        self._send(PUBACK, 0, packet.id.to_bytes(2) + bytes([reason, 0]))

    def unsuback(self, packet: Packet) -> None:
        """Answer an UNSUBSCRIBE of one filter."""
        self._send(PacketTypes.UNSUBACK, 0, packet.id.to_bytes(2) + bytes([0, 17]))

    def pingresp(self) -> None:
        self._send(PINGRESP, 0, b"")

    def disconnect(self, reason: int) -> None:
        self._send(DISCONNECT, 0, bytes([reason, 0]))

    def _send(self, kind: int, flags: int, rest: bytes) -> None:
        length, head = len(rest), bytearray([kind << 4 | flags])
        while True:
            length, digit = length >> 7, length & 0x7F
            head.append(digit | (0x80 if length else 0))
            if not length:
                break
        self._writer.write(bytes(head) + rest)


Script = Callable[[Connection], Awaitable[None]]


@dataclass
class ScriptedBroker:
    """Plays the first script to the first connection and so on, the last one to all that follow,
    then hangs up.

    A script need not care for a client that hangs up first. What it asserts is raised on leaving
    the context.
    """

    scripts: Sequence[Script]
    tls: ssl.SSLContext | None = None
    port: int = 0
    # of connections so far; with TLS, of those whose handshake succeeded
    count: int = 0
    _failures: list[Exception] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self._connections = StreamConnections(self._play)

    async def __aenter__(self) -> Self:
        await self._connections.__aenter__()
        self._server = await asyncio.start_server(
            self._connections.accept, "127.0.0.1", 0, ssl=self.tls
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        await self._connections.__aexit__(kind, error, trace)
        await self._server.wait_closed()
        if self._failures:
            raise self._failures[0]

    async def connections(self, number: int) -> None:
        """Return once there have been so many."""
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: self.count >= number)

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = self.scripts[min(self.count, len(self.scripts) - 1)]
        self.count += 1
        async with self._changed:
            self._changed.notify_all()
        try:
            await script(Connection(reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except Exception as error:  # noqa: BLE001 - raised on leaving
            self._failures.append(error)


class _Cursor:
    """Takes a packet apart, from front to back."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def take(self, length: int) -> bytes:
        taken, self.rest = self.rest[:length], self.rest[length:]
        assert len(taken) == length, "the packet is too short"
        return taken

    def number(self, length: int = 2) -> int:
        return int.from_bytes(self.take(length))

    def binary(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        return self.binary().decode()

    def properties(self, kind: int) -> Properties:
        found = Properties(kind)  # type: ignore[no-untyped-call]
        _, length = found.unpack(self.rest)  # type: ignore[no-untyped-call]
        self.take(length)
        return found


def _parse(kind: int, flags: int, cursor: _Cursor) -> Packet:
    match kind:
        case PacketTypes.CONNECT:
            return _parse_connect(flags, cursor)
        case PacketTypes.PUBLISH:
            topic = cursor.text()
            packet_id = cursor.number() if flags & 6 else 0
            properties = cursor.properties(kind)
            return Packet(
                kind, flags, id=packet_id, topic=topic, payload=cursor.rest, properties=properties
            )
        case PacketTypes.SUBSCRIBE:
            packet_id, properties, filters = cursor.number(), cursor.properties(kind), []
            while cursor.rest:
                filters.append((cursor.text(), cursor.number(1) & 3))
            return Packet(kind, flags, id=packet_id, filters=tuple(filters), properties=properties)
        case PacketTypes.UNSUBSCRIBE:
            return Packet(kind, flags, id=cursor.number())
        case PacketTypes.PUBACK:
            return Packet(
                kind, flags, id=cursor.number(), reason=cursor.number(1) if cursor.rest else 0
            )
        case PacketTypes.DISCONNECT:
            reason = cursor.number(1) if cursor.rest else 0
            return Packet(
                kind,
                flags,
                reason=reason,
                properties=cursor.properties(kind) if cursor.rest else None,
            )
    return Packet(kind, flags)


def _parse_connect(flags: int, cursor: _Cursor) -> Packet:
    assert (cursor.text(), cursor.number(1)) == ("MQTT", 5)
    bits, keepalive, properties = cursor.number(1), cursor.number(), cursor.properties(CONNECT)
    client_id, will = cursor.text(), None
    if bits & 4:
        about = cursor.properties(PacketTypes.WILLMESSAGE)
        will = (cursor.text(), cursor.binary(), about)
    return Packet(
        CONNECT,
        flags,
        client_id=client_id,
        clean_start=bool(bits & 2),
        keepalive=keepalive,
        will=will,
        username=cursor.text() if bits & 0x80 else None,
        properties=properties,
    )


def _properties(kind: int, values: dict[str, Any]) -> bytes:
    packed = Properties(kind)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(packed, name, value)
    return bytes(packed.pack())  # type: ignore[no-untyped-call]


def _text(text: str) -> bytes:
    return len(text.encode()).to_bytes(2) + text.encode()
