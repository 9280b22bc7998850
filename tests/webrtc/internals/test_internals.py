"""The contract with aiortc's and aioice's inside: each private name of `inside`, and what it does.

When this fails after an upgrade, `agent/webrtc/inside` has to be read again beside the new release.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import re
import socket
import time
from pathlib import Path
from typing import Any

import aioice.ice
import aioice.stun
import aioice.turn
import aiortc.clock
import aiortc.codecs
import aiortc.rtcdtlstransport
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.codecs import HEADER_EXTENSIONS
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtcdtlstransport import State
from aiortc.rtp import HeaderExtensions

import agent.webrtc
from agent.webrtc import internals as inside
from agent.webrtc.internals import interval_clock as clock
from agent.webrtc.internals.header_extensions import PLAYOUT_DELAY

WEBRTC = Path(agent.webrtc.__file__).parent


@pytest.fixture
async def pc() -> RTCPeerConnection:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver("video")
    return pc


def test_only_inside_touches_private_names() -> None:
    """`x._name` of something else than self, outside of `inside`."""
    private = re.compile(r"(?<!self)(?<!cls)\b\w+\._[a-zA-Z]\w*")
    for path in WEBRTC.glob("*.py"):
        assert not private.findall(re.sub(r"self\._\w+", "self", path.read_text())), path.name


def test_codecs_are_added_once_with_free_payload_types() -> None:
    inside.configure()
    inside.configure()
    video = aiortc.codecs.CODECS["video"]
    types = [codec.payloadType for codec in video]
    assert len(set(types)) == len(types)
    assert all(96 <= kind <= 127 for kind in types if kind is not None)
    profiles = [
        codec.parameters["profile-level-id"] for codec in video if codec.mimeType == "video/H264"
    ]
    assert profiles == ["42001f", "42e01f", "4d001f", "64001f"]


def test_the_playout_delay_is_added_once_with_a_free_id() -> None:
    inside.configure()
    inside.configure()
    extensions = {
        kind: {each.id: each.uri for each in known} for kind, known in HEADER_EXTENSIONS.items()
    }
    assert [at for at, uri in extensions["video"].items() if uri == PLAYOUT_DELAY] == [4]
    # bundled sections share their ids (RFC 8843)
    assert 4 not in extensions["audio"]


def test_intervals_are_measured_by_a_clock_that_nobody_sets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inside.configure()
    modules: list[Any] = [
        aiortc.rtcrtpreceiver,
        aiortc.rtcrtpsender,
        aiortc.rtcsctptransport,
        aioice.turn,
    ]
    before = [modules[0].time.time(), aiortc.clock.current_ms() / 1000]
    monkeypatch.setattr(time, "time", lambda: 0.0)
    after = [modules[0].time.time(), aiortc.clock.current_ms() / 1000]
    assert all(0 <= later - earlier < 3600 for earlier, later in zip(before, after, strict=True))
    used = re.compile(r"\btime\.(?!time\(\))\w+\(|from time import")
    for module in modules:
        assert module.time.time is clock.steady_time
        assert not used.findall(inspect.getsource(module)), module.__name__
    names = ("rtcdtlstransport", "rtcicetransport", "rtcpeerconnection", "rate", "jitterbuffer")
    # what else there is goes by aiortc.clock, but for the dates of certificates
    for each in ("clock", *names):
        source = inspect.getsource(importlib.import_module(f"aiortc.{each}"))
        assert "time.time(" not in source
        assert source.count("datetime.now(") == {"clock": 1, "rtcdtlstransport": 1}.get(each, 0), (
            each
        )


async def test_sender_names(pc: RTCPeerConnection) -> None:
    sender = pc.getSenders()[0]
    for name in (
        "packet_count",
        "octet_count",
        "mid",
        "rtx_payload_type",
        "ntp_timestamp",
        "rtp_timestamp",
    ):
        assert hasattr(sender, f"_RTCRtpSender__{name}"), name
    for name in ("rtp_started", "rtp_exited"):
        assert isinstance(getattr(sender, f"_RTCRtpSender__{name}"), asyncio.Event), name
    extensions = sender._RTCRtpSender__rtp_header_extensions_map  # type: ignore[attr-defined]
    assert extensions.set(HeaderExtensions(abs_send_time=1, mid="0")) == (0, b"")
    assert "self.__rtp_header_extensions_map.configure(parameters)" in inspect.getsource(
        type(sender).send
    )
    assert list(inspect.signature(sender._run_rtp).parameters) == ["codec"]
    assert isinstance(sender._rtx_ssrc, int)
    assert "asyncio.ensure_future(self._run_rtp(parameters.codecs[0]))" in inspect.getsource(
        type(sender).send
    )
    assert "await self._retransmit(seq)" in inspect.getsource(type(sender)._handle_rtcp_packet)
    assert inspect.iscoroutinefunction(sender._handle_rtcp_packet)
    assert list(inspect.signature(sender._retransmit).parameters) == ["sequence_number"]
    assert isinstance(sender._ssrc, int)
    assert list(inspect.signature(sender._send_rtcp).parameters) == ["packets"]
    assert "await self._send_rtcp(packets)" in inspect.getsource(type(sender)._run_rtcp)
    router = inspect.getsource(aiortc.rtcdtlstransport.RTCDtlsTransport._handle_rtcp_data)
    assert "await recipient._handle_rtcp_packet(packet)" in router
    reader = inspect.getsource(aiortc.rtcdtlstransport.RTCDtlsTransport._recv_next)
    assert "await self._handle_rtcp_data(data)" in reader
    assert "await self._handle_rtp_data(data, arrival_time_ms=arrival_time_ms)" in reader
    await pc.close()


async def test_receiver_names(pc: RTCPeerConnection) -> None:
    receiver = pc.getReceivers()[0]
    for name in (
        "decoder_queue",
        "decoder_error",
        "jitter_buffer",
        "kind",
        "remote_streams",
        "rtx_ssrc",
    ):
        assert hasattr(receiver, f"_RTCRtpReceiver__{name}"), name
    assert list(inspect.signature(receiver._handle_rtp_packet).parameters) == [
        "packet",
        "arrival_time_ms",
    ]
    assert list(inspect.signature(receiver._send_rtcp_nack).parameters) == ["media_ssrc", "lost"]
    assert list(inspect.signature(receiver._send_rtcp_pli).parameters) == ["media_ssrc"]
    source = inspect.getsource(type(receiver))
    assert "self.__decoder_queue.put((codec, encoded_frame))" in source
    assert "self.__decoder_queue.put(None)" in source
    assert "pli_flag, encoded_frame = self.__jitter_buffer.add(packet)" in source
    buffer = JitterBuffer(4)
    assert (buffer.capacity, buffer._packets, buffer._origin) == (4, [None] * 4, None)
    assert "self._remove_frame(packet.sequence_number)" in inspect.getsource(JitterBuffer.add)
    await pc.close()


async def test_connection_names(pc: RTCPeerConnection) -> None:
    assert inspect.iscoroutinefunction(pc._RTCPeerConnection__connect)  # type: ignore[attr-defined]
    assert inspect.isfunction(RTCPeerConnection.__dict__["_RTCPeerConnection__createSctpTransport"])
    assert pc._RTCPeerConnection__closeTask is None  # type: ignore[attr-defined]
    assert "self.__connect()" in inspect.getsource(RTCPeerConnection.setLocalDescription)
    dtls = pc.getTransceivers()[0].receiver.transport
    assert dtls._task is None
    assert dtls._state is State.NEW
    assert dtls._tx_srtp is None
    for name in ("tx_packets", "tx_bytes"):
        assert getattr(dtls, f"_RTCDtlsTransport__{name}") == 0
    assert "self._tx_srtp.protect(data)" in inspect.getsource(dtls._send_rtp)
    assert [type(stats).__name__ for stats in dtls._get_stats().values()] == ["RTCTransportStats"]
    assert isinstance(dtls.transport._connection, aioice.ice.Connection)
    await pc.close()


async def test_ice_names(pc: RTCPeerConnection) -> None:
    ice = pc.getTransceivers()[0].receiver.transport.transport._connection
    assert (ice._local_candidates, ice._remote_candidates, ice._protocols, ice._nominated) == (
        [],
        [],
        [],
        {},
    )
    assert ice._query_consent_task is None
    assert list(inspect.signature(ice.get_component_candidates).parameters) == [
        "component",
        "addresses",
        "timeout",
    ]
    assert list(inspect.signature(ice._pair_remote_candidate).parameters) == ["remote_candidate"]
    assert list(inspect.signature(ice.build_request).parameters) == ["pair", "nominate"]
    assert list(inspect.signature(ice.check_incoming).parameters) == ["message", "addr", "protocol"]
    assert "self.check_incoming(message, addr, protocol)" in inspect.getsource(ice.request_received)
    assert ice._check_list == []
    protocol = aioice.ice.StunProtocol(ice)
    asked = ["request", "addr", "integrity_key", "retransmissions"]
    assert list(inspect.signature(protocol.request).parameters) == asked
    check = inspect.getsource(ice.check_start)
    assert check.count("pair.protocol.request(") == 2
    assert "retransmissions" not in check
    assert 'self.attributes.pop("FINGERPRINT", None)' in inspect.getsource(
        aioice.stun.Message.add_fingerprint
    )
    connect = inspect.getsource(aioice.ice.Connection.connect)
    assert "asyncio.create_task(self.query_consent())" in connect
    assert "self.transport.sendto(data, addr)" in inspect.getsource(
        aioice.ice.StunProtocol.send_data
    )
    turn: Any = aioice.turn.TurnTransport(None)  # type: ignore[arg-type]
    assert turn._TurnTransport__close_task is None
    assert turn._TurnTransport__send_tasks == set()
    assert all(hasattr(turn, name) for name in ("_connect", "_send_done"))
    for kind in (aioice.turn.TurnClientTcpProtocol, aioice.turn.TurnClientUdpProtocol):
        client: Any = kind(
            ("192.0.2.1", 1), username="u", password="p", lifetime=1, channel_refresh_time=1
        )
        assert client.peer_to_channel == {}
        assert list(inspect.signature(client._send).parameters) == ["data"]
        assert inspect.iscoroutinefunction(client.channel_bind)
    await pc.close()


async def test_data_names() -> None:
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


async def test_socket_names() -> None:
    """What asyncio calls the transport of a socket, and the socket."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
    )
    assert type(transport) is asyncio.selector_events._SelectorDatagramTransport  # type: ignore[attr-defined]
    assert isinstance(transport._sock, socket.socket)  # type: ignore[attr-defined]
    transport.close()


async def test_errors_of_the_connecting_task_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[Exception] = []
    pc = inside.PeerConnection(RTCConfiguration(iceServers=[]), errors.append)

    async def broken(_self: RTCPeerConnection) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(RTCPeerConnection, "_RTCPeerConnection__connect", broken)
    pc.createDataChannel("x")
    await pc.setLocalDescription(await pc.createOffer())
    # the task runs up to the event
    await asyncio.sleep(0)
    tasks = pc.leftovers()
    assert len(tasks) == 1
    pc.can_connect.set()
    await asyncio.wait(tasks)
    assert [type(error) for error in errors] == [ZeroDivisionError]
    assert not pc.leftovers()
    await pc.close()
