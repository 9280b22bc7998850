"""Calls whose remote peer does harm: what they leave behind is counted as after every other."""

from __future__ import annotations

import asyncio
import socket

from tests.bench.mix import Kind, Side, answer, connected, ended, opened
from tests.bench.telephone import Telephone
from tests.webrtc.strangers import HOSTILE, check_of_ice, send_rtp

# each of them above a bound of the device
SOURCES, CHECKS, DATAGRAMS = 300, 50, 20
# seconds for what has no answer to be read
READ = 0.3
FREED_WITHIN = 60.0


def device_port(side: Side) -> tuple[str, int]:
    pair = side.peer._pc.require_ice()._nominated[1]
    host, port = pair.remote_addr
    return host, port


async def many_sources(telephone: Telephone, name: str) -> None:
    """More than a report can name, and gone without a word."""
    line = telephone.line(name)
    async with connected(line) as side:
        dtls = side.peer._pc.require_dtls()
        kind = next(iter(dtls._rtp_router.payload_type_table))
        for number in range(SOURCES):
            await send_rtp(side.peer, kind, number, 1_000_000 + number)
        side.vanish()
        await ended(
            line, "ice_timeout", "media_timeout", "user_hangup", "replaced", within=FREED_WITHIN
        )


async def among_strangers(telephone: Telephone, name: str) -> None:
    """Datagrams of every hostile kind, and forged checks from many ports, during a call."""
    line = telephone.line(name)
    async with connected(line) as side:
        ice = side.peer._pc.require_ice()
        address = device_port(side)
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
        line.invite(await side.peer.create_offer())
        side.peer._pc.require_dtls()._write_ssl = _nothing  # type: ignore[method-assign]
        await side.peer.apply_answer((await answer(line, "ACCEPTED"))["sdp"])
        await ended(
            line, "ice_failed", "ice_timeout", "media_timeout", "user_hangup", within=FREED_WITHIN
        )


async def _nothing() -> None:
    pass


# how many beside the hundred of `mix.KINDS`
HOSTILE_KINDS: dict[Kind, int] = {many_sources: 3, among_strangers: 3, half_open: 2}
