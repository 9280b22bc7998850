"""The sound of those who pull: heard while it comes, where the rules let it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agent.client.call_client import CallClient
from agent.client.conversation import Conversation
from agent.core.call.decision import Action, Decision
from agent.core.call.machine import State
from agent.core.call.reasons import Purpose
from agent.core.call.values import Invitation
from agent.core.statistics.counters import PlayoutCounters
from agent.device.talk_back import PAUSE, RETRY, TalkBack
from agent.errors import MediaUnavailable
from agent.ports import LocalStream, ReceivedAudio
from agent.pull.joined_signaling import JoinedSignaling
from agent.pull.pull_channel import PullChannel
from tests.fakes.manual_clock import ManualClock
from tests.fakes.peer import FakePeers
from tests.fakes.screening import FakeScreening
from tests.fakes.signaling import FakeSignaling
from tests.parties import FAST
from tests.pull.scene import ACCEPT, OFFER, gathered
from tests.waiting import until

PACKET = ReceivedAudio(b"opus", 1, 1, 0, 0.0)
VIEW_ONLY = Decision(Action.REJECT, "nvr", "not_allowed")


class Loudspeaker:
    """See `agent.ports.AudioPlayback`."""

    def __init__(self) -> None:
        self.open_now = 0
        self.heard = 0
        self.broken = False

    def open(self) -> Loudspeaker:
        if self.broken:
            raise MediaUnavailable("no card")
        self.open_now += 1
        return self

    def put(self, packet: ReceivedAudio) -> None:
        self.heard += 1

    @property
    def played(self) -> PlayoutCounters:
        return PlayoutCounters(total_samples_received=self.heard)

    def close(self) -> None:
        self.open_now -= 1


class Gate:
    """See `TalkGate`."""

    def __init__(self) -> None:
        self.moves: list[bool] = []

    def talk(self, conversation: str, on: bool) -> None:
        self.moves.append(on)


class Scene:
    def __init__(self, decide: Any) -> None:
        self.clock, self.speaker, self.gate = ManualClock(), Loudspeaker(), Gate()
        gate: Any = self.gate
        self.talk_back = TalkBack(LocalStream(playback=self.speaker), gate, self.clock)
        self.peers, self.screening = FakePeers(), FakeScreening(decide)
        self.peers.prepare = gathered
        self.channel = PullChannel(4, lambda _: State.ESTABLISHED)
        self.client = CallClient(
            JoinedSignaling(FakeSignaling(), self.channel),
            self.peers,
            FAST,
            screening=self.screening,
            stream_for=self.talk_back.stream_for,
        )
        self.talk_back.connect(self.client)
        self.view: Conversation
        self.playout: Any

    def speak(self) -> None:
        self.playout.put(PACKET)

    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds
        self.playout.look()


@asynccontextmanager
async def looking(decide: Any = lambda _: ACCEPT) -> AsyncIterator[Scene]:
    scene = Scene(decide)
    async with scene.client:
        session = await scene.channel.invite("frigate", "go2rtc", OFFER)
        scene.view = scene.client.conversations[session.conversation]
        scene.peers.last.connect()
        await until(lambda: scene.view.state is State.ESTABLISHED)
        playback = scene.peers.last.local.playback
        assert playback is not None
        scene.playout = playback.open()
        yield scene
        scene.playout.close()


async def test_view_that_sends_sound_is_a_talk_while_it_comes() -> None:
    async with looking() as scene:
        assert (scene.speaker.open_now, scene.client.busy) == (0, False)
        scene.speak()
        await until(lambda: scene.view.purpose is Purpose.TALK)
        assert scene.client.busy
        scene.speak()
        assert (scene.speaker.open_now, scene.speaker.heard) == (1, 1)
        scene.pass_time(PAUSE / 2)
        assert scene.client.busy
        scene.pass_time(PAUSE)
        await until(lambda: scene.view.purpose is Purpose.VIEW)
        assert (scene.speaker.open_now, scene.client.busy) == (0, False)
        # again, as often as somebody speaks; what was played counts in all
        scene.speak()
        await until(lambda: scene.client.busy)
        scene.speak()
        assert scene.playout.played.total_samples_received == 3
        assert scene.gate.moves == [True, False, True]
        assert scene.view.state is State.ESTABLISHED


async def test_view_that_may_not_talk_is_not_heard_and_is_judged_again_later() -> None:
    async with looking(
        lambda asked: ACCEPT if asked.purpose is Purpose.VIEW else VIEW_ONLY
    ) as scene:
        for _ in range(5):
            scene.speak()
        assert len(scene.screening.asked) == 2
        scene.pass_time(1.0)
        assert len(scene.screening.asked) == 2
        for _ in range(int(RETRY)):
            scene.speak()
            scene.pass_time(1.0)
        assert len(scene.screening.asked) == 3
        assert (scene.speaker.heard, scene.view.purpose) == (0, Purpose.VIEW)
        assert not scene.client.busy


async def test_end_of_the_conversation_closes_the_loudspeaker() -> None:
    async with looking() as scene:
        scene.speak()
        await until(lambda: scene.speaker.open_now == 1)
        scene.playout.close()
        scene.speak()
        assert (scene.speaker.open_now, scene.gate.moves[-1]) == (0, False)


async def test_loudspeaker_that_cannot_be_opened_costs_no_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with looking() as scene:
        scene.speaker.broken = True
        scene.speak()
        await until(lambda: scene.client.busy)
        scene.speak()
        assert "no card" in caplog.text
        assert scene.view.state is State.ESTABLISHED


def test_callers_by_mqtt_are_heard_as_ever() -> None:
    stream = LocalStream(playback=Loudspeaker())
    talk_back = TalkBack(stream)
    invitation = Invitation("c", "alice", "p", "v=0", 30.0)
    assert talk_back.stream_for(invitation) is stream
    silent = LocalStream()
    pulls = Invitation("c", "frigate", "p", "v=0", 30.0, via="whep")
    assert TalkBack(silent).stream_for(pulls) is silent
