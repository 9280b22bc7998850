"""The contract with aiortc's sender: each private name that is used, and what it does."""

from __future__ import annotations

import asyncio
import inspect

import aiortc.clock
import aiortc.codecs
import aiortc.rtcdtlstransport
from aiortc import RTCPeerConnection
from aiortc.rtp import HeaderExtensions


async def test_rtp_sender_finds_the_names_of_aiortc(pc: RTCPeerConnection) -> None:
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
