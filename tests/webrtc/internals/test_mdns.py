"""Names in place of addresses, asked for by multicast."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import aioice.ice
import aioice.mdns
import dns.exception
import dns.message
import pytest
from aiortc.rtcicetransport import RTCIceCandidate, RTCIceGatherer, RTCIceTransport

from agent.webrtc.internals import REFUSED, Refusal, is_mdns_name, look_up
from agent.webrtc.internals.mdns import _careful

# an answer as Debian's Chromium sends it
CHROMIUM = (
    "0000840000000001000000012432653863613132312d363833342d343838662d623065642d316634"
    "346662343963396161056c6f63616c00000180010000007800040a5000022432653863613132312d"
    "363833342d343838662d623065642d316634346662343963396161056c6f63616c00002f80010000"
    "00780005c046000140"
)
NAME = "0b6f0d0f-9c3d-4c8e-8d2f-a1b2c3d4e5f6.local"


@pytest.mark.parametrize(
    ("text", "is_name"),
    [(NAME, True), ("192.0.2.1", False), ("a.b.local", False), (".local", False), ("x", False)],
)
def test_mdns_name_is_one_label(text: str, is_name: bool) -> None:
    assert is_mdns_name(text) is is_name
    assert aioice.mdns.is_mdns_hostname(text) is is_name


class Multicast:
    """In the place of aioice's socket: knows one name."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.closed = False

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        raise LookupError("a parser's")

    async def resolve(self, name: str) -> str | None:
        self.asked.append(name)
        return "192.0.2.9" if name == NAME else None

    async def close(self) -> None:
        self.closed = True


async def test_mdns_look_up_adds_a_candidate_whose_name_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    multicast: Any = Multicast()

    async def made() -> Any:
        return multicast

    monkeypatch.setattr(aioice.mdns, "create_mdns_protocol", made)
    transport = RTCIceTransport(RTCIceGatherer([]))
    ice = transport._connection
    try:
        for name, known in ((NAME, True), ("nobody.local", False)):
            candidate = RTCIceCandidate(1, "1", name, 50_000, 1, "udp", "host")
            assert await look_up(transport, candidate) is known
        assert [each._network_host for each in ice._remote_candidates] == ["192.0.2.9"]
        before = REFUSED.of(Refusal.MALFORMED)
        multicast.datagram_received(b"broken", ("192.0.2.7", 5353))
        assert REFUSED.of(Refusal.MALFORMED) == before + 1
    finally:
        await ice.close()
    assert multicast.closed


def test_mdns_answer_of_chromium_is_read() -> None:
    """Its NSEC record has a compressed name, which the parser refuses."""
    message = bytes.fromhex(CHROMIUM)
    with pytest.raises(dns.exception.FormError):
        dns.message.from_wire(message)
    read: list[bytes] = []
    _careful(lambda data, _: read.append(data))(message, ("192.0.2.7", 5353))
    (answer,) = dns.message.from_wire(read[0]).answer
    assert str(answer.name) == "2e8ca121-6834-488f-b0ed-1f44fb49c9aa.local."


def test_mdns_answer_that_is_cut_off_is_refused() -> None:
    read: list[bytes] = []
    before = REFUSED.of(Refusal.MALFORMED)
    for size in range(1, len(CHROMIUM) // 2 - 50, 7):
        _careful(lambda data, _: read.append(data))(bytes.fromhex(CHROMIUM)[:size], ("x", 1))
    assert REFUSED.of(Refusal.MALFORMED) > before


LAZY = """
import asyncio
from agent.commands.run import leave_out_dns
leave_out_dns()
import aioice.ice
from aiortc.rtcicetransport import RTCIceCandidate, RTCIceGatherer, RTCIceTransport
from agent.webrtc.internals import look_up

async def main():
    transports = [RTCIceTransport(RTCIceGatherer([])) for _ in range(8)]
    assert not hasattr(aioice.ice.mdns, "create_mdns_protocol")
    candidate = RTCIceCandidate(1, "1", "nobody.local", 5000, 1, "udp", "host")
    # a browser's come together
    looked_up = await asyncio.gather(
        *(look_up(each, candidate) for each in transports), return_exceptions=True
    )
    assert all(each is False or isinstance(each, OSError) for each in looked_up), looked_up
    assert aioice.ice.mdns.is_mdns_hostname("nobody.local")
    for each in transports:
        await each._connection.close()

asyncio.run(main())
"""


def test_mdns_look_up_loads_what_a_device_leaves_out_at_its_start() -> None:
    done = subprocess.run([sys.executable, "-c", LAZY], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_mdns_contract_with_aioice() -> None:
    source = inspect.getsource(aioice.ice.Connection.add_remote_candidate)
    assert "await get_or_create_mdns_protocol(self)" in source
    assert "await mdns_protocol.resolve(remote_candidate.host)" in source
    assert "await unref_mdns_protocol(self)" in inspect.getsource(aioice.ice.Connection.close)
