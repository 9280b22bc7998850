"""A door that this client asks for, and one that it is asked for."""

from __future__ import annotations

import asyncio

import pytest

from agent.client.door_requests import DoorAsked, DoorRequests
from agent.core.call import events as ev
from agent.errors import CallError
from tests.fakes.network import FakeNetwork
from tests.fakes.signaling import FakeSignaling
from tests.parties import NOW, connected, party, two
from tests.waiting import PATIENCE, until

TOLD = ev.ErrorReceived("door", "d", "wrong_code", "the code is not right")


async def asked(requests: DoorRequests) -> asyncio.Task[str]:
    task = asyncio.create_task(requests.ask("door", "c-1", "gate", "4711"))
    await asyncio.sleep(0)
    return task


async def test_door_request_returns_which_door_was_released() -> None:
    signaling = FakeSignaling()
    requests = DoorRequests(signaling, lambda: NOW)
    task = await asked(requests)
    assert signaling.said[-1][:3] == (ev.SendOpen(NOW, "gate", "4711"), "door", "c-1")
    opened = ev.OpenedReceived("door", "d", "gate", NOW)
    assert not requests.heard("stranger", "c-1", opened)
    assert not requests.heard("door", "c-2", opened)
    assert requests.heard("door", "c-1", opened)
    assert not requests.heard("door", "c-1", opened)
    assert await task == "gate"


async def test_door_request_that_is_refused_raises_the_code() -> None:
    requests = DoorRequests(FakeSignaling(), lambda: NOW)
    task = await asked(requests)
    about_something_else = ev.ErrorReceived("door", "d", "signature", "no")
    assert not requests.heard("door", "c-1", about_something_else)
    with pytest.raises(CallError, match="being asked for") as caught:
        await requests.ask("door", "c-1")
    assert caught.value.code == "busy"
    assert requests.heard("door", "c-1", TOLD)
    with pytest.raises(CallError, match="not right") as caught:
        await task
    assert caught.value.code == "wrong_code"


async def test_door_request_goes_once_more_by_the_time_of_the_device() -> None:
    signaling = FakeSignaling()
    requests = DoorRequests(signaling, lambda: NOW)
    task = await asked(requests)
    stale = ev.ErrorReceived("door", "d", "stale", "late", NOW + 3600)
    assert requests.heard("door", "c-1", stale)
    await until(lambda: len(signaling.said) == 2)
    assert signaling.said[-1].effect == ev.SendOpen(NOW + 3600, "gate", "4711")
    assert requests.heard("door", "c-1", stale)
    with pytest.raises(CallError) as caught:
        await task
    assert caught.value.code == "stale"


async def test_door_request_of_a_conversation_is_answered_by_who_listens() -> None:
    async with two() as (alice, bob):
        outgoing, incoming = await connected(alice, bob)
        heard: list[DoorAsked] = []

        def let(asked: DoorAsked) -> None:
            heard.append(asked)
            asked.answer(ev.SendOpened("door", asked.request.issued_at))

        bob.client.on("open", let)
        async with asyncio.timeout(PATIENCE):
            assert await outgoing.open(code="4711") == "door"
            await outgoing.close()
            # after the end as well
            assert await outgoing.open() == "door"
    assert heard[0].call is incoming.rules
    assert (heard[0].request.uid, heard[0].request.code) == ("alice", "4711")
    assert heard[1].request.code is None


async def test_door_request_in_no_call_at_all_is_told_too() -> None:
    async with party(FakeNetwork(), "bob") as bob:
        heard: list[DoorAsked] = []
        bob.client.on("open", heard.append)
        requests = DoorRequests(bob.signaling, lambda: NOW)
        task = asyncio.create_task(requests.ask("bob", "11111111-1111-4111-8111-111111111111"))
        await until(lambda: bool(heard))
        assert heard[0].call is None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
