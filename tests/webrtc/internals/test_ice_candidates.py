"""The contract with aioice: each private name that is used, and what it does."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import aioice.ice
import aioice.stun
import aioice.turn
import pytest
from aiortc import RTCPeerConnection

from agent.ports import IceOptions
from tests.webrtc.pairs import Side


async def test_ice_candidates_find_the_names_of_aioice(pc: RTCPeerConnection) -> None:
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


async def test_ice_candidates_of_a_peer_that_closes_meanwhile_leave_no_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A renewal that is under way when the call ends, on a machine with several addresses."""
    loop = asyncio.get_running_loop()
    bind, at_second = loop.create_datagram_endpoint, asyncio.Event()
    bound: list[Any] = []

    async def slow(*arguments: Any, **options: Any) -> Any:
        if bound:
            at_second.set()
            await asyncio.Event().wait()
        bound.append(await bind(*arguments, **options))
        return bound[-1]

    monkeypatch.setattr(loop, "create_datagram_endpoint", slow)
    side = Side(ice=IceOptions(host_addresses=("127.0.0.1", "127.0.0.2")))
    offering = asyncio.create_task(side.peer.create_offer())
    await at_second.wait()
    offering.cancel()
    await asyncio.wait([offering])
    await side.peer.close()
    ((transport, _),) = bound
    assert transport.is_closing()
