"""What the conversations of one client share."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from agent.client.call_context import CallContext, CallObserver, ClientOptions
from agent.client.door_requests import DoorRequests
from tests.fakes.observer import RecordingObserver
from tests.fakes.peer import FakePeers
from tests.fakes.signaling import FakeSignaling


def test_client_options_never_name_a_third_party() -> None:
    assert ClientOptions().ice.servers == ()
    assert ClientOptions().max_conversations == 1


async def test_call_context_does_not_change_under_a_call() -> None:
    signaling, options = FakeSignaling(), ClientOptions()
    doors = DoorRequests(signaling, options.wall)
    context = CallContext(signaling, FakePeers(), options, RecordingObserver(), doors)
    with pytest.raises(FrozenInstanceError):
        context.options = ClientOptions()  # type: ignore[misc]


def test_call_observer_is_told_four_things() -> None:
    told = {name for name in vars(CallObserver) if not name.startswith("_")}
    assert told == {"begun", "event", "renamed", "ended"}
