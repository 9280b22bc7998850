"""Two ways to signal as one."""

from __future__ import annotations

import asyncio

import pytest

from agent.core.call import events as ev
from agent.core.call.reasons import CallStatus, CloseReason
from agent.ports import Signal
from agent.pull.joined_signaling import JoinedSignaling
from agent.pull.pull_channel import PullChannel
from tests.fakes.signaling import FakeSignaling
from tests.pull.scene import OFFER


def joined() -> tuple[JoinedSignaling, FakeSignaling, PullChannel]:
    main, pull = FakeSignaling("door-1"), PullChannel(4, lambda _: None)
    return JoinedSignaling(main, pull), main, pull


async def test_signals_come_from_both_and_none_is_lost() -> None:
    both, main, pull = joined()
    asking = asyncio.ensure_future(pull.invite("frigate", "whep", OFFER))
    await asyncio.sleep(0)
    main.hear(Signal("alice", "c", ev.CloseReceived("alice", "p", CloseReason.USER_HANGUP)))
    main.hear(Signal("bob", "c", ev.CloseReceived("bob", "p", CloseReason.USER_HANGUP)))
    senders = {(await both.receive()).sender for _ in range(3)}
    assert senders == {"alice", "bob", "frigate"}
    reading = asyncio.ensure_future(both.receive())
    await asyncio.sleep(0)
    reading.cancel()
    asking.cancel()
    await asyncio.gather(reading, asking, return_exceptions=True)
    assert not [task for task in asyncio.all_tasks() if "signal" in task.get_name()]


async def test_what_is_said_goes_the_way_by_which_the_call_came() -> None:
    both, main, pull = joined()
    asking = asyncio.ensure_future(pull.invite("frigate", "whep", OFFER))
    await asyncio.sleep(0)
    (conversation,) = pull._sessions
    await both.send(
        ev.SendResponse(CallStatus.ACCEPTED, sdp="v=0"), to="frigate", conversation=conversation
    )
    assert (await asking).answer.result() == "v=0"
    await both.send(ev.SendClose("alice", CloseReason.SHUTDOWN), to="alice", conversation="c")
    assert [each.to for each in main.said] == ["alice"]


async def test_the_rest_is_that_of_the_first() -> None:
    both, main, _ = joined()
    assert (both.uid, both.party, both.connected) == (main.uid, main.party, True)
    both.check_invitation(["alice"], 30.0, None)
    effect = ev.SendClose("alice", CloseReason.SHUTDOWN)
    assert both.encode_control(effect, conversation="c") == "SendClose"
    assert both.decode_control("alice", "unknown") is None


async def test_session_that_is_over_is_told_to_nobody() -> None:
    both, main, pull = joined()
    asking = asyncio.ensure_future(pull.invite("frigate", "whep", OFFER))
    await asyncio.sleep(0)
    (conversation,) = pull._sessions
    close = ev.SendClose("frigate", CloseReason.SHUTDOWN)
    await both.send(close, to="frigate", conversation=conversation)
    with pytest.raises(Exception, match="shutdown"):
        await asking
    assert not main.said
