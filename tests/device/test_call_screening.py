"""Between an invitation and the camera: policy first, then the line, then a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from agent.core.call.reasons import CallStatus, CloseReason
from agent.core.policy.override import PolicyOverride
from agent.core.policy.rules import Policy, Rule
from agent.signaling.protocol import messages as wire
from tests.devices import UID, device
from tests.fakes.network import FakeNetwork
from tests.parties import FAST, NOW, party, said
from tests.waiting import until

TWO = replace(FAST, max_conversations=2)
ACCEPT = {"name": "everybody", "action": "accept"}
RING = {"name": "ask", "action": "ring"}


async def test_screening_rejects_and_says_busy_before_the_line_does(tmp_path: Path) -> None:
    network = FakeNetwork()
    rules = (
        {"name": "spam", "callers": ["mallory"], "action": "reject", "reason": "go_away"},
        {"name": "nap", "callers": ["bob"], "action": "busy"},
        ACCEPT,
    )
    async with (
        device(network, tmp_path, *rules) as door,
        party(network, "alice") as alice,
        party(network, "bob") as bob,
        party(network, "mallory") as mallory,
        party(network, "dora") as dora,
    ):
        await alice.client.call(UID).answered()
        for who in (mallory, bob, dora):
            await who.client.call(UID).wait_closed()
        await until(lambda: [body["event"] for body in door.events()].count("closed") == 3)
        answers = [said(network, UID, uid)[-1] for uid in ("mallory", "bob", "dora")]
        responses = [body for body in door.events() if body["event"] == "response"][1:]
        closed = [body["reason"] for body in door.events() if body["event"] == "closed"]
    assert [(each["callStatus"], each["reason"]) for each in answers] == [
        ("REJECTED", "go_away"),
        ("BUSY", "busy"),
        ("BUSY", "busy"),
    ]
    assert [each.get("rule") for each in responses] == ["spam", "nap", None]
    assert closed == ["rejected", "user_busy", "user_busy"]


async def test_screening_rate_counts_invitations_of_the_same_breath(tmp_path: Path) -> None:
    network = FakeNetwork()
    rule = {"name": "once", "callers": ["alice"], "action": "accept", "rate": "1/h"}
    async with (
        device(network, tmp_path, rule, options=TWO) as door,
        party(network, "alice", TWO) as alice,
    ):
        first, second = alice.client.call(UID), alice.client.call(UID)
        assert await first.answered() is CallStatus.ACCEPTED
        assert await second.answered() is CallStatus.REJECTED
        assert "not_allowed" in [each.get("reason") for each in said(network, UID, "alice")]
        assert len(door.client.conversations) == 1


async def test_screening_busy_caller_has_not_used_up_the_rate(tmp_path: Path) -> None:
    network = FakeNetwork()
    rule = {"name": "once each", "action": "accept", "rate": "1/h"}
    async with (
        device(network, tmp_path, rule),
        party(network, "alice") as alice,
        party(network, "bob") as bob,
    ):
        first = alice.client.call(UID)
        await first.answered()
        assert await bob.client.call(UID).answered() is CallStatus.BUSY
        await first.close()
        assert await bob.client.call(UID).answered() is CallStatus.ACCEPTED


async def test_screening_invitation_withdrawn_in_the_same_breath_opens_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    network = FakeNetwork()
    async with device(network, tmp_path, ACCEPT) as door, party(network, "alice") as alice:
        message = wire.Invite(
            conversation=wire.NO_CONVERSATION,
            party="p",
            sdp="v=0",
            sent_at=wire.format_time(NOW),
            lifetime=30,
        )
        alice.signaling.publish(UID, message)
        alice.signaling.publish(
            UID, wire.Close(conversation=message.conversation, party="p", reason="cancelled")
        )
        closed = await door.event("closed")
        assert all(peer.offered is None for peer in door.peers.made), "no camera was opened"
        await until(lambda: all(peer.closed for peer in door.peers.made))
        assert [each["type"] for each in said(network, UID, "alice")] == []
    assert closed["reason"] == "cancelled"
    assert "Traceback" not in caplog.text
    assert "failed" not in caplog.text


async def test_screening_new_rules_keep_the_override(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with device(network, tmp_path) as door, party(network, "alice") as alice:
        door.screening.override(PolicyOverride.model_validate({"action": "ring"}))
        door.screening.replace_policy(Policy([Rule.model_validate(ACCEPT)], timezone=UTC))
        outgoing = alice.client.call(UID)
        await alice.seen("ringing")
        await door.actions.accept(outgoing.id)
        response = await door.event("response")
        await outgoing.close()
        door.screening.override(None)
        assert await alice.client.call(UID).answered() is CallStatus.ACCEPTED
    assert response["rule"] == "override"


async def test_screening_ringing_call_that_nobody_answers_times_out(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with device(network, tmp_path, RING) as door, party(network, "alice") as alice:
        message = wire.Invite(
            conversation=wire.NO_CONVERSATION,
            party="p",
            sdp="v=0",
            sent_at=wire.format_time(NOW - 34.9),
            lifetime=30,
        )
        alice.signaling.publish(UID, message)
        closed = await door.event("closed")
        kinds = [(each["type"], each.get("callStatus")) for each in said(network, UID, "alice")]
    assert kinds == [("ringing", None), ("response", "TIMEOUT")]
    assert (closed["reason"], closed["callStatus"], closed["duration"]) == (
        "invite_timeout",
        "TIMEOUT",
        0.0,
    )


async def test_screening_is_not_asked_about_what_is_expired_or_limited(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with device(network, tmp_path, ACCEPT) as door, party(network, "alice") as alice:
        for number in range(50):
            message = wire.Invite(
                conversation=f"00000000-0000-0000-0000-{number:012}",
                party="p",
                sdp="v=0",
                sent_at=wire.format_time(NOW - 60),
                lifetime=30,
            )
            alice.signaling.publish(UID, message)
        await until(lambda: len(said(network, UID, "alice")) == 40)
        await until(lambda: [body["event"] for body in door.events()].count("closed") == 10)
        answers = [each["reason"] for each in said(network, UID, "alice")]
        first = [body["event"] for body in door.events("00000000-0000-0000-0000-000000000000")]
        assert not door.client.conversations
        assert not any(each["busy"] for each in door.on("status")), (
            "who is turned away makes nobody busy"
        )
    assert (answers.count("expired"), answers.count("rate_limited")) == (10, 30)
    assert first == ["called", "response", "closed"]


async def test_record_waits_for_the_broker(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with device(network, tmp_path, ACCEPT) as door, party(network, "alice") as alice:
        outgoing = alice.client.call(UID)
        await outgoing.answered()
        for side in (alice, door):
            side.peers.last.connect()
        await alice.seen("connected")
        network.stop(forget=False)
        (conversation,) = door.client.conversations.values()
        record = await conversation.close(CloseReason.MAX_DURATION)
        assert not [body for body in door.events() if body["event"] == "closed"]
        network.start()
        closed = await door.event("closed")
        await outgoing.wait_closed()
    assert (closed["reason"], closed["duration"]) == ("max_duration", record.duration)
    assert {
        "eventId",
        "timestamp",
        "invitedAt",
        "answeredAt",
        "connectedAt",
        "endedAt",
        "setup",
    } <= set(closed)
