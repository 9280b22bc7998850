"""The time of day jumps by years, as on a board that boots in 1970: no call ends by it, and nothing
stale rings.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from agent import RELEASED
from agent.client.call_context import ClientOptions
from agent.core.call.reasons import CallStatus, CloseReason
from agent.device.clock_watch import watching_clock
from agent.signaling.protocol import messages as wire
from agent.signaling.protocol.encoding import format_time
from tests.devices import UID, Device, device
from tests.fakes.network import FakeNetwork
from tests.parties import FAST, NOW, Party, party, said
from tests.waiting import until

YEAR = 365 * 86_400.0
BY_DAY = (
    {
        "name": "quiet hours",
        "callers": ["bob"],
        "hours": "22:00-07:00",
        "action": "reject",
        "reason": "asleep",
    },
    {"name": "weekdays", "callers": ["alice"], "days": "daily", "action": "accept"},
    {"name": "always", "callers": ["bob", "carol"], "action": "accept"},
)


@dataclass
class Clocks:
    """Both are set by hand. `monotonic` never jumps."""

    wall: float = NOW
    monotonic: float = 1000.0


def options(clocks: Clocks) -> ClientOptions:
    return replace(
        FAST, wall=lambda: clocks.wall, monotonic=lambda: clocks.monotonic, max_conversations=3
    )


async def established(door: Device, alice: Party) -> str:
    call = alice.client.call(UID)
    assert await call.answered() is CallStatus.ACCEPTED
    for each in (alice, door):
        each.peers.last.connect()
    await alice.seen("connected")
    await until(lambda: door.client.conversations[call.id].state == "established")
    return call.id


@pytest.mark.parametrize("jump", [-50 * YEAR, 50 * YEAR])
async def test_a_jump_ends_no_call_and_the_longest_duration_is_held(
    jump: float, tmp_path: Path
) -> None:
    network, clocks = FakeNetwork(), Clocks()
    rule = {"name": "for a minute", "action": "accept", "max_duration": "1m"}
    async with (
        device(network, tmp_path, rule, options=options(clocks)) as door,
        party(network, "alice") as alice,
    ):
        conversation = await established(door, alice)
        clocks.wall += jump
        clocks.monotonic += 59.0
        # an input, so that deadlines are looked at
        door.client.conversations[conversation].renew()
        await until(lambda: any(each["type"] == "offer" for each in said(network, UID, "alice")))
        assert door.client.conversations[conversation].state == "established"
        clocks.monotonic += 2.0
        door.client.conversations[conversation].renew()
        closed = await door.event("closed", conversation)
    assert closed["reason"] == CloseReason.MAX_DURATION
    assert closed["duration"] == pytest.approx(61.0)


async def test_nothing_stale_rings_before_or_after_the_clock_is_set(tmp_path: Path) -> None:
    """Unset, the age cannot be judged and the broker's expiry stands alone; set, the same
    invitation is old.
    """
    network, clocks = FakeNetwork(), Clocks(wall=60.0)
    async with (
        device(
            network, tmp_path, {"name": "ask", "action": "ring"}, options=options(clocks)
        ) as door,
        party(network, "alice") as alice,
    ):
        invite = wire.Invite(
            conversation=str(uuid.uuid4()),
            party="p",
            sdp="v=0",
            sent_at=format_time(NOW - 40),
            lifetime=30,
        )
        alice.signaling.publish(UID, invite)
        await until(lambda: bool(said(network, UID, "alice")))
        clocks.wall = NOW
        alice.signaling.publish(UID, invite.model_copy(update={"conversation": str(uuid.uuid4())}))
        await until(lambda: len(said(network, UID, "alice")) == 2)
        answers = said(network, UID, "alice")
        assert door.client.busy is False
    assert [each["type"] for each in answers] == ["ringing", "response"]
    assert (answers[1]["callStatus"], answers[1]["reason"]) == ("TIMEOUT", "expired")


async def test_rules_with_hours_let_nobody_in_until_the_clock_is_set(tmp_path: Path) -> None:
    network, clocks = FakeNetwork(), Clocks(wall=60.0)
    async with (
        device(network, tmp_path, *BY_DAY, options=options(clocks)),
        party(network, "alice") as alice,
        party(network, "bob") as bob,
        party(network, "carol") as carol,
    ):
        assert await alice.client.call(UID).answered() is CallStatus.REJECTED
        assert await bob.client.call(UID).answered() is CallStatus.REJECTED
        assert said(network, UID, "bob")[-1]["reason"] == "asleep"
        assert await carol.client.call(UID).answered() is CallStatus.ACCEPTED
        clocks.wall = NOW
        assert await alice.client.call(UID).answered() is CallStatus.ACCEPTED


async def test_the_status_says_since_when_once_the_clock_is_set(tmp_path: Path) -> None:
    network, clocks = FakeNetwork(), Clocks(wall=60.0)
    async with device(network, tmp_path, options=options(clocks)) as door:
        assert door.on("status")[-1]["since"].startswith("1970-")
        async with watching_clock(lambda: clocks.wall, door.status.clock_set, interval=0):
            clocks.monotonic += 100.0
            clocks.wall = NOW
            await until(lambda: len(door.on("status")) == 2)
        status = door.on("status")[-1]
    assert (status["state"], status["since"]) == ("online", format_time(NOW - 100.0))


async def test_a_clock_that_is_set_needs_no_word() -> None:
    words: list[None] = []
    async with watching_clock(lambda: RELEASED, lambda: words.append(None), interval=0):
        pass
    assert not words
