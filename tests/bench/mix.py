"""Calls of every kind that a device meets, each from its first word to the device's record of
it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from agent.core.call.events import MediaGrant, PeerConnected, PeerEvent
from agent.core.call.reasons import AudioDirection
from agent.ports import IceOptions, LocalStream
from agent.webrtc.peer import AiortcPeer
from tests.bench.telephone import Line, Telephone
from tests.waiting import PATIENCE

CALL_SECONDS = 0.2  # of media
# seconds after which a device has noticed that its caller is gone
FREED_WITHIN = 60.0
POLICY = """
[[policy.rule]]
name = "unwelcome"
callers = ["unwelcome-*"]
action = "reject"
[[policy.rule]]
name = "ask"
callers = ["ask-*"]
action = "ring"
[[policy.rule]]
name = "everybody"
action = "accept"
"""


class Side:
    """A peer that sends nothing, and decodes nothing."""

    def __init__(self, *, generation: int = 0, sound: bool = True) -> None:
        self._connected = asyncio.Event()
        self.peer = AiortcPeer(
            generation=generation,
            local=LocalStream(),
            grant=MediaGrant(audio=AudioDirection.BOTH if sound else AudioDirection.NONE),
            ice=IceOptions(host_addresses=("127.0.0.1",)),
            on_event=self._on_event,
            on_control=lambda text: None,
        )

    def _on_event(self, event: PeerEvent) -> None:
        if isinstance(event, PeerConnected):
            self._connected.set()

    async def connected(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._connected.wait()

    def vanish(self) -> None:
        """Be gone without a word, as a phone in a lift is."""
        for protocol in self.peer._pc.require_ice()._protocols:
            protocol.transport.abort()


@asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[Side]:
    """Closed on leaving."""
    made = Side(**options)
    try:
        yield made
    finally:
        await made.peer.close()


@asynccontextmanager
async def connected(line: Line, *, sound: bool = True) -> AsyncIterator[Side]:
    async with opened(sound=sound) as side:
        line.invite(await side.peer.create_offer())
        await _accepted(line, side)
        yield side


async def _accepted(line: Line, side: Side) -> None:
    await side.peer.apply_answer((await answer(line, "ACCEPTED"))["sdp"])
    await side.connected()
    await asyncio.sleep(CALL_SECONDS)


async def answer(line: Line, expected: str) -> dict[str, Any]:
    heard = await line.hear("response")
    if heard["callStatus"] != expected:
        raise RuntimeError(f"{heard['callStatus']} ({heard.get('reason')}) instead of {expected}")
    return heard


async def ended(line: Line, *reasons: str, within: float = PATIENCE) -> None:
    reason = (await line.closed(within))["reason"]
    if reason not in reasons:
        raise RuntimeError(f"closed with {reason} instead of {' or '.join(reasons)}")


async def hung_up(telephone: Telephone, name: str) -> None:
    line = telephone.line(name)
    async with connected(line):
        line.say("close", reason="user_hangup")
        await ended(line, "user_hangup")


async def without_sound(telephone: Telephone, name: str) -> None:
    line = telephone.line(name)
    async with connected(line, sound=False):
        line.say("close", reason="user_hangup")
        await ended(line, "user_hangup")


async def ended_by_the_device(telephone: Telephone, name: str) -> None:
    line = telephone.line(name)
    async with connected(line):
        telephone.command("close", conversation=line.conversation)
        await line.hear("close")
        await ended(line, "user_hangup")


async def renewed(telephone: Telephone, name: str) -> None:
    line = telephone.line(name)
    async with connected(line) as side, opened(generation=1) as fresh:
        line.say("offer", generation=1, sdp=await fresh.peer.create_offer())
        await fresh.peer.apply_answer((await line.hear("answer"))["sdp"])
        await fresh.connected()
        await side.peer.close()
        await asyncio.sleep(CALL_SECONDS)
        line.say("close", reason="user_hangup")
        await ended(line, "user_hangup")


async def vanished(telephone: Telephone, name: str) -> None:
    """Connected, and then gone without a word."""
    line = telephone.line(name)
    async with connected(line) as side:
        side.vanish()
        await ended(line, "ice_timeout", "media_timeout", "replaced", within=FREED_WITHIN)


async def never_connected(telephone: Telephone, name: str) -> None:
    """Accepted, and not there any more."""
    line = telephone.line(name)
    async with opened() as side:
        line.invite(await side.peer.create_offer())
        await answer(line, "ACCEPTED")
    await ended(line, "ice_failed", "ice_timeout", within=FREED_WITHIN)


async def rejected(telephone: Telephone, name: str) -> None:
    line = telephone.line(f"unwelcome-{name}")
    async with opened() as side:
        line.invite(await side.peer.create_offer())
        await answer(line, "REJECTED")
    await ended(line, "rejected")


async def cancelled(telephone: Telephone, name: str) -> None:
    line = telephone.line(f"ask-{name}")
    async with opened() as side:
        line.invite(await side.peer.create_offer())
        await line.hear("ringing")
        line.say("close", reason="user_hangup")
    await ended(line, "cancelled")


async def declined(telephone: Telephone, name: str) -> None:
    line = telephone.line(f"ask-{name}")
    async with opened() as side:
        line.invite(await side.peer.create_offer())
        await line.hear("ringing")
        telephone.command("reject", conversation=line.conversation)
        await answer(line, "REJECTED")
    await ended(line, "rejected")


async def answered_by_a_person(telephone: Telephone, name: str) -> None:
    line = telephone.line(f"ask-{name}")
    async with opened() as side:
        line.invite(await side.peer.create_offer())
        await line.hear("ringing")
        telephone.command("accept", conversation=line.conversation)
        await _accepted(line, side)
        line.say("close", reason="user_hangup")
        await ended(line, "user_hangup")


async def unusable(telephone: Telephone, name: str) -> None:
    line = telephone.line(name)
    line.invite("v=0\r\ns=nothing that could be answered\r\n")
    await answer(line, "REJECTED")
    await line.closed()


async def placed_by_the_device(telephone: Telephone, name: str) -> None:
    line, invitation = await telephone.called(name)
    async with opened() as side:
        line.say(
            "response", callStatus="ACCEPTED", sdp=await side.peer.create_answer(invitation["sdp"])
        )
        await line.hear("select")
        await side.connected()
        await asyncio.sleep(CALL_SECONDS)
        line.say("close", reason="user_hangup")
        await ended(line, "user_hangup")


Kind = Callable[[Telephone, str], Coroutine[Any, Any, None]]
# how many of a hundred; those that take long come first
KINDS: dict[Kind, int] = {
    vanished: 2,
    never_connected: 2,
    hung_up: 30,
    without_sound: 10,
    ended_by_the_device: 8,
    placed_by_the_device: 8,
    renewed: 6,
    answered_by_a_person: 6,
    cancelled: 10,
    declined: 6,
    rejected: 8,
    unusable: 4,
}
