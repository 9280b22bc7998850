"""The contract with aiortc's connection, and its tasks' owner."""

from __future__ import annotations

import asyncio
import inspect

import aioice.ice
import aioice.stun
import aioice.turn
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.rtcdtlstransport import State

from agent.webrtc import internals as inside


async def test_rtc_connection_finds_the_names_of_aiortc(pc: RTCPeerConnection) -> None:
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


async def test_rtc_connection_reports_errors_of_its_connecting_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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


@pytest.mark.parametrize("begun", [True, False])
async def test_rtc_connection_that_ends_starts_nothing(
    begun: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[Exception] = []
    pc = inside.PeerConnection(RTCConfiguration(iceServers=[]), errors.append)
    started: list[str] = []

    async def start(_self: RTCPeerConnection) -> None:
        started.append("streams")

    monkeypatch.setattr(RTCPeerConnection, "_RTCPeerConnection__connect", start)
    connecting = asyncio.create_task(pc._RTCPeerConnection__connect())
    if begun:
        await asyncio.sleep(0)
    ending = pc.stop_connecting()
    assert ending == ({connecting} if begun else set())
    pc.can_connect.set()
    await asyncio.wait({connecting})
    assert not started
    assert not errors
    await pc.close()
