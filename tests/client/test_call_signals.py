"""What one conversation says: through its signaling, and on its data channel."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.client.call_context import CallContext, ClientOptions
from agent.client.call_signals import CallSignals
from agent.client.door_requests import DoorRequests
from agent.core.call import events as ev
from agent.core.call.reasons import CloseReason
from agent.ports import Signal
from tests.fakes.observer import RecordingObserver
from tests.fakes.peer import FakePeers
from tests.fakes.signaling import FakeSignaling

OFFER = ev.SendOffer(1, "v=0")
CLOSE = ev.SendClose("bob", CloseReason.USER_HANGUP)


class Scene:
    def __init__(self) -> None:
        self.signaling = FakeSignaling()
        self.channel: list[str] = []
        options = replace(ClientOptions(), wall=lambda: 1000.0)
        doors = DoorRequests(self.signaling, options.wall)
        context = CallContext(self.signaling, FakePeers(), options, RecordingObserver(), doors)
        self.signals = CallSignals(context, "c-1", self.channel.append)


@pytest.fixture
async def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize(
    ("effect", "to", "connected", "said"),
    [
        (CLOSE, "bob", True, ["SendClose"]),
        (CLOSE, "bob", False, ["SendClose"]),
        (ev.SendTalk("bob", True), "bob", True, ["SendTalk"]),
        (replace(CLOSE, to="carol"), "carol", True, []),
        (OFFER, "bob", True, []),
        (OFFER, "bob", False, ["SendOffer"]),
        (ev.SendRinging(30), "bob", False, []),
        (ev.SendError("bob", "busy", "no line"), "bob", True, []),
        (ev.SendError("bob", "busy", "no line"), "bob", False, ["SendError"]),
    ],
)
async def test_call_signals_use_the_data_channel_for_a_close_or_without_signaling(
    scene: Scene, effect: ev.SignalEffect, to: str, connected: bool, said: list[str]
) -> None:
    scene.signaling.connected = connected
    await scene.signals.send(effect, remote_uid="bob")
    assert scene.signaling.said == [(effect, to, "c-1", 0.0)]
    assert scene.channel == said


@pytest.mark.parametrize(
    ("signal", "event"),
    [
        (Signal("bob", "c-1", ev.OfferReceived("bob", "p", 1, "v=0")), True),
        (Signal("bob", "c-1", ev.ErrorReceived("bob", "p", "busy", "no line")), True),
        (Signal("bob", "c-2", ev.OfferReceived("bob", "p", 1, "v=0")), False),
        (Signal("bob", "c-1", ev.RingingReceived("bob", "p", 30)), False),
        (Signal("bob", "c-1", ev.Invitation("c-1", "bob", "p", "v=0", 30)), False),
        (None, False),
    ],
)
async def test_call_signals_take_from_the_data_channel_only_what_belongs_there(
    scene: Scene, signal: Signal | None, event: bool
) -> None:
    if signal is not None:
        scene.signaling.controls["text"] = signal
    received = scene.signals.received("text", "bob")
    assert received == (signal.content if signal and event else None)


async def test_call_signals_renamed_go_out_under_the_new_id_by_the_remote_clock(
    scene: Scene,
) -> None:
    assert scene.signals.rename(ev.InviteAgain("c-2", 4600.0), "bob") == "c-1"
    await scene.signals.send(CLOSE, remote_uid="bob")
    assert scene.signaling.said == [(CLOSE, "bob", "c-2", 3600.0)]
