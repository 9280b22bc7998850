"""Data channels of a far side that keeps to no rule."""

from __future__ import annotations

import inspect
import logging
from typing import Any

import aiortc.clock
import aiortc.codecs
import aiortc.rtcdtlstransport
import pytest
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSctpTransport
from aiortc.rtcsctptransport import (
    SCTP_DATA_FIRST_FRAG,
    SCTP_DATA_LAST_FRAG,
    WEBRTC_DCEP,
    Chunk,
    DataChunk,
    serialize_packet,
)

from agent.webrtc import internals as inside
from agent.webrtc.internals import data_limits as data
from agent.webrtc.internals.data_limits import bound_data

# a channel without a name
OPEN = b"\x03" + bytes(11)
# bytes that aiortc tells the remote peer it has room for
WINDOW = 1024 * 1024
WHOLE = SCTP_DATA_FIRST_FRAG | SCTP_DATA_LAST_FRAG


@pytest.fixture
async def sctp(monkeypatch: pytest.MonkeyPatch) -> RTCSctpTransport:
    pc = inside.PeerConnection(RTCConfiguration(iceServers=[]), lambda _: None)
    pc.createDataChannel("callbox")
    assert pc.sctp is not None
    pc.sctp._last_received_tsn = 0

    async def send(_chunk: Chunk) -> None:
        """There is nobody."""

    monkeypatch.setattr(pc.sctp, "_send_chunk", send)
    return pc.sctp


def piece(tsn: int, *, stream: int = 1, flags: int = 0, size: int = 1000) -> DataChunk:
    chunk = DataChunk(flags=flags)
    chunk.tsn, chunk.stream_id, chunk.stream_seq, chunk.protocol = tsn, stream, 0, 51
    chunk.user_data = bytes(size)
    return chunk


def held(sctp: RTCSctpTransport) -> list[DataChunk]:
    return [chunk for stream in sctp._inbound_streams.values() for chunk in stream.reassembly]


@pytest.mark.parametrize("size", [1, 1200])
async def test_data_limits_message_that_never_ends_is_held_up_to_a_bound(
    sctp: RTCSctpTransport, size: int
) -> None:
    for tsn in range(1, 5000):
        await sctp._receive_data_chunk(
            piece(tsn, flags=SCTP_DATA_FIRST_FRAG if tsn == 1 else 0, size=size)
        )
    assert len(held(sctp)) <= data.MAX_PIECES
    assert sum(len(chunk.user_data) for chunk in held(sctp)) <= WINDOW


async def test_data_limits_pieces_without_those_before_them_are_held_up_to_a_bound(
    sctp: RTCSctpTransport,
) -> None:
    for tsn in range(10, 10_000, 2):
        await sctp._receive_data_chunk(piece(tsn, stream=tsn % data.MAX_STREAMS, size=1))
    assert len(sctp._sack_misordered) <= data.MAX_GAPS
    assert len(held(sctp)) <= data.MAX_GAPS


async def test_data_limits_streams_and_channels_are_few(sctp: RTCSctpTransport) -> None:
    opened: list[RTCDataChannel] = []
    sctp.on("datachannel", opened.append)
    for number in range(1, 1000):
        chunk = piece(number, stream=2 * number + 1, flags=WHOLE)
        chunk.protocol, chunk.user_data = WEBRTC_DCEP, OPEN
        await sctp._receive_data_chunk(chunk)
    assert len(opened) == len(sctp._inbound_streams) == data.MAX_STREAMS


async def test_data_limits_nonsense_costs_the_media_nothing(
    sctp: RTCSctpTransport, caplog: pytest.LogCaptureFixture
) -> None:
    # the second opens what is open, for which aiortc has an assertion
    for tsn in (1, 2):
        chunk = piece(tsn, stream=9, flags=WHOLE)
        chunk.stream_seq, chunk.protocol, chunk.user_data = tsn - 1, WEBRTC_DCEP, OPEN
        packet = serialize_packet(5000, 5000, sctp._local_verification_tag, chunk)
        with caplog.at_level(logging.WARNING):
            await sctp._handle_data(packet)
    assert "makes no sense: AssertionError" in caplog.text


async def test_data_limits_find_the_names_of_aiortc() -> None:
    pc = inside.PeerConnection(RTCConfiguration(iceServers=[]), lambda _: None)
    pc.createDataChannel("x")
    sctp = pc.sctp
    assert sctp is not None
    assert sctp._handle_data.__qualname__.startswith("bound_data")
    assert (sctp._inbound_streams, sctp._sack_misordered) == ({}, set())
    assert sctp._advertised_rwnd == 1024 * 1024
    kind = type(sctp)
    assert "await self._receive_data_chunk(chunk)" in inspect.getsource(kind._receive_chunk)
    assert "self._advertised_rwnd -= len(chunk.user_data)" in inspect.getsource(
        kind._receive_data_chunk
    )
    router = inspect.getsource(aiortc.rtcdtlstransport.RTCDtlsTransport._recv_next)
    assert "await self._data_receiver._handle_data(data)" in router


async def test_data_transport_that_is_gone_fails_no_task(pc: RTCPeerConnection) -> None:
    pc.createDataChannel("x")
    assert pc.sctp is not None
    bounded: Any = pc.sctp

    async def gone() -> None:
        raise ConnectionError

    bounded._transmit = gone
    bound_data(bounded)
    await bounded._transmit()
    await pc.close()
