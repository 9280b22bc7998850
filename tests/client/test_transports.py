"""The transports of one conversation: one carries the media, another may be made beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from agent.client.input_queue import Item
from agent.client.remote_stream import RemoteStream
from agent.client.tasks import Tasks
from agent.client.transports import Transports
from agent.core.call import events as ev
from agent.core.statistics.statistics_log import StatisticsLog
from agent.ports import IceOptions, LocalStream
from tests.fakes.peer import FakePeers
from tests.waiting import until

SERVER = ev.IceServer(("stun:192.0.2.1",))
OWN_SERVER = ev.IceServer(("stun:192.0.2.2",))


@dataclass
class Scene:
    transports: Transports
    peers: FakePeers
    items: list[Item]
    remote: RemoteStream

    def offer(self, generation: int) -> None:
        self.transports.create(ev.CreateOffer(generation, ev.MediaGrant()), LocalStream())


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    peers, items, remote, tasks = FakePeers(), list[Item](), RemoteStream(), Tasks("test")
    transports = Transports(
        peers,
        IceOptions(servers=(OWN_SERVER,)),
        StatisticsLog(),
        remote,
        put=items.append,
        on_control=lambda _: None,
        spawn=tasks.spawn,
    )
    yield Scene(transports, peers, items, remote)
    transports.stop()
    await tasks.finish(5)
    assert all(peer.closed for peer in peers.made)


async def test_transports_answer_with_the_servers_of_both_sides(scene: Scene) -> None:
    answer = ev.CreateAnswer(0, "v=0", ev.MediaGrant(), (SERVER,))
    scene.transports.create(answer, LocalStream())
    await until(lambda: bool(scene.items))
    assert scene.items[0].event == ev.DescriptionReady(0, "answer 0")
    assert scene.peers.last.ice.servers == (OWN_SERVER, SERVER)
    assert scene.peers.last.remote is scene.remote


async def test_transports_know_a_key_until_its_transport_is_closed(scene: Scene) -> None:
    scene.offer(0)
    await until(lambda: bool(scene.items))
    key = scene.items[0].transport
    assert scene.transports.knows(key)
    scene.transports.close(0)
    assert not scene.transports.knows(key)


async def test_transports_of_one_generation_have_different_keys(scene: Scene) -> None:
    scene.offer(1)
    await until(lambda: bool(scene.items))
    scene.transports.close(1)
    scene.offer(1)
    await until(lambda: len(scene.items) == 2)
    assert not scene.transports.knows(scene.items[0].transport)
    assert scene.transports.knows(scene.items[1].transport)


async def test_transports_mute_counts_for_those_to_come(scene: Scene) -> None:
    scene.offer(0)
    scene.transports.mute(audio=True, video=None)
    scene.offer(1)
    assert [peer.muted["audio"] for peer in scene.peers.made] == [True, True]


async def test_transports_say_a_text_on_every_channel(scene: Scene) -> None:
    scene.offer(0)
    scene.offer(1)
    scene.transports.say("close")
    assert [peer.controls for peer in scene.peers.made] == [["close"], ["close"]]


async def test_transports_report_nothing_before_one_carries_the_media(scene: Scene) -> None:
    scene.offer(0)
    assert scene.transports.sample() is None
    scene.transports.start_media(0)
    scene.transports.start_counting()
    reports = scene.transports.sample()
    assert reports is not None
    assert reports[0].video is not None
    assert scene.peers.last.media


@pytest.mark.parametrize(("moves", "bitrate"), [(False, 1_000_000), (True, None)])
async def test_transports_fresh_one_goes_on_with_the_bitrate_where_the_path_is_the_same(
    scene: Scene, moves: bool, bitrate: int | None
) -> None:
    scene.offer(0)
    scene.transports.start_media(0)
    assert scene.peers.last.bitrate is None
    scene.offer(1)
    if moves:
        scene.peers.last.addresses = ("198.51.100.1", "192.0.2.2")
    scene.transports.start_media(1)
    assert scene.peers.last.bitrate == bitrate


async def test_transports_do_what_an_effect_wants_of_the_one_that_it_names(scene: Scene) -> None:
    scene.offer(0)
    peer = scene.peers.last
    scene.transports.perform(ev.StartMedia(0))
    assert peer.media
    scene.transports.perform(ev.PauseMedia(0))
    assert not peer.media
    scene.transports.perform(ev.ResumeMedia(0))
    assert peer.media
    scene.transports.perform(ev.ApplyAnswer(0, "v=0"))
    scene.transports.perform(ev.AddCandidate(0, None))
    await until(lambda: peer.candidates == [None])
    assert peer.answered == "v=0"
    scene.transports.perform(ev.ClosePeer(0))
    await until(lambda: peer.closed)


async def test_transports_look_in_between_without_a_report(scene: Scene) -> None:
    scene.offer(0)
    scene.transports.start_media(0)
    scene.transports.start_counting()
    assert scene.transports.sample(reports=False) is None
    assert scene.transports.sample() is not None
