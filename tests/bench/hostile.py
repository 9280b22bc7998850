"""Calls whose remote peer does harm: what they leave behind is counted as after every other."""

from __future__ import annotations

import asyncio
import re
import socket

from agent.webrtc.peer import AiortcPeer
from tests.bench.mix import Kind, Side, answer, connected, ended, opened
from tests.bench.telephone import Line, Telephone
from tests.webrtc.strangers import HOSTILE, check_of_ice, send_rtp

# each of them above a bound of the device
SOURCES, CHECKS, DATAGRAMS, CANDIDATES, CONTROLS, RENEWALS = 2000, 50, 20, 60, 200, 12
# seconds for what has no answer to be read
READ = 0.3
FREED_WITHIN = 60.0
LOST = ("ice_failed", "ice_timeout", "media_timeout", "user_hangup", "replaced")
# an address that nobody has (RFC 5737)
NOBODY = "192.0.2.66"


def device_port(peer: AiortcPeer) -> tuple[str, int]:
    """Where the device hears `peer`, in whose call it is."""
    pair = peer._pc.require_ice()._nominated[1]
    host, port = pair.remote_addr
    return host, port


async def many_sources(telephone: Telephone, name: str) -> None:
    """Thousands, of which a report can name 31; and gone without a word."""
    line = telephone.line(name)
    async with connected(line) as side:
        dtls = side.peer._pc.require_dtls()
        kind = next(iter(dtls._rtp_router.payload_type_table))
        for number in range(SOURCES):
            await send_rtp(side.peer, kind, number, 1_000_000 + number)
        side.vanish()
        await ended(line, *LOST, within=FREED_WITHIN)


async def among_strangers(telephone: Telephone, name: str) -> None:
    """Datagrams of every hostile kind, and forged checks from many ports, during a call."""
    line = telephone.line(name)
    async with connected(line) as side:
        ice = side.peer._pc.require_ice()
        address = device_port(side.peer)
        for number in range(CHECKS):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.sendto(check_of_ice(ice), address)
                for data in HOSTILE.values() if number < DATAGRAMS else ():
                    stranger.sendto(data, address)
        await asyncio.sleep(READ)
        line.say("close", reason="user_hangup")
        await ended(line, "user_hangup")


async def half_open(telephone: Telephone, name: str) -> None:
    """ICE connects, and DTLS never does."""
    line = telephone.line(name)
    async with opened() as side:
        await _half_open(line, side, flights=0)
        await ended(line, *LOST, within=FREED_WITHIN)


async def half_open_and_closed(telephone: Telephone, name: str) -> None:
    """DTLS begins and stops, and the call is ended in the middle of it."""
    line = telephone.line(name)
    async with opened() as side:
        await _half_open(line, side, flights=1)
        await asyncio.sleep(READ)
        side.vanish()
        line.say("close", reason="user_hangup")
        await ended(line, "user_hangup")


async def _half_open(line: Line, side: Side, *, flights: int) -> None:
    """Of its DTLS a side sends so many flights."""
    line.invite(await side.peer.create_offer())
    dtls = side.peer._pc.require_dtls()
    write, left = dtls._write_ssl, flights

    async def write_some() -> None:
        nonlocal left
        if left > 0:
            left -= 1
            await write()

    dtls._write_ssl = write_some  # type: ignore[method-assign]
    await side.peer.apply_answer((await answer(line, "ACCEPTED"))["sdp"])


async def foreign_certificate(telephone: Telephone, name: str) -> None:
    """DTLS with another certificate than the offer has named."""
    line = telephone.line(name)
    async with opened() as side:
        offer = await side.peer.create_offer()
        line.invite(re.sub(r"(sha-256 )..:..", r"\g<1>00:11", offer))
        await side.peer.apply_answer((await answer(line, "ACCEPTED"))["sdp"])
        await ended(line, *LOST, "transport_failed", within=FREED_WITHIN)


async def gone_before_close(telephone: Telephone, name: str) -> None:
    """The transport first, and then the word."""
    line = telephone.line(name)
    async with connected(line) as side:
        side.vanish()
        await asyncio.sleep(READ)
        line.say("close", reason="user_hangup")
        await ended(line, "user_hangup")


async def gone_while_connecting(telephone: Telephone, name: str) -> None:
    """Checks have begun; then the sockets go, and a word comes."""
    line = telephone.line(name)
    async with opened() as side:
        line.invite(await side.peer.create_offer())
        await side.peer.apply_answer((await answer(line, "ACCEPTED"))["sdp"])
        side.vanish()
        line.say("close", reason="user_hangup")
        await ended(line, "user_hangup")


async def dead_relays(telephone: Telephone, name: str) -> None:
    """More candidates than the device takes, each of a relay that never answers."""
    line = telephone.line(name)
    async with opened() as side:
        line.invite(await side.peer.create_offer())
        await answer(line, "ACCEPTED")
        for number in range(CANDIDATES):
            text = (
                f"candidate:{number} 1 udp {1000 + number} {NOBODY} {20_000 + number} typ relay "
                f"raddr 0.0.0.0 rport 0"
            )
            candidate = {"candidate": text, "sdpMid": "0", "sdpMLineIndex": 0}
            line.say("candidate", generation=0, candidate=candidate)
        await ended(line, *LOST, within=FREED_WITHIN)


async def talkative(telephone: Telephone, name: str) -> None:
    """Nonsense on the data channel, as fast as it goes, and gone without a word."""
    line = telephone.line(name)
    async with connected(line) as side:
        for number in range(CONTROLS):
            side.peer.send_control('{"type":"dance","x":[' + "{}," * number + "{}]}")
        await asyncio.sleep(READ)
        side.vanish()
        await ended(line, *LOST, within=FREED_WITHIN)


async def always_renewing(telephone: Telephone, name: str) -> None:
    """One new transport after the other, none of which ever connects."""
    line = telephone.line(name)
    async with connected(line), opened(generation=1) as other:
        offer = await other.peer.create_offer()
        for number in range(RENEWALS):
            line.say("offer", generation=1 + number, sdp=offer)
        await asyncio.sleep(READ)
        line.say("close", reason="user_hangup")
        await ended(line, "user_hangup")


# how many beside the hundred of `mix.KINDS`
HOSTILE_KINDS: dict[Kind, int] = {
    many_sources: 2,
    among_strangers: 2,
    half_open: 1,
    half_open_and_closed: 1,
    foreign_certificate: 1,
    gone_before_close: 1,
    gone_while_connecting: 1,
    dead_relays: 1,
    talkative: 1,
    always_renewing: 1,
}
