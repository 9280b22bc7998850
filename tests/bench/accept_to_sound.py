"""How long two people wait, from the moment one accepts until each hears the other."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from functools import partial
from itertools import chain, repeat

from agent.media.sound.audio_hub import AudioHub
from agent.media.sound.loudspeaker import CardSpeaker
from agent.media.sound.microphone import Microphone
from agent.media.sound.playout import Playback
from agent.ports import IceOptions, LocalStream
from tests.bench.figures import Figure, NotMeasured, spread
from tests.bench.mouth_to_ear import PERIOD, PERIOD_BYTES, WAITING
from tests.bench.scene import Scene
from tests.fakes.voice import voice
from tests.webrtc.pairs import Side, closing

TARGET = 300.0
"""ms"""
PATIENCE = 20.0
LOUD = 500


class TalkingMicrophone:
    """A card that captures somebody who never stops."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._periods = 0
        # without its first, soft frames
        self._voice: Iterator[bytes] = chain.from_iterable(repeat(voice(10)[3:9]))

    def read(self) -> bytes:
        self._periods += 1
        time.sleep(max(0.0, self._begun + self._periods * PERIOD - time.monotonic()))
        return next(self._voice)[:PERIOD_BYTES]

    def delay(self) -> float:
        return PERIOD

    def close(self) -> None: ...


class FirstSound:
    """A card that plays periods of 20 ms, two of them waiting; `at`: when it is heard first."""

    frames = 2

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._periods = 0
        self._loop = asyncio.get_running_loop()
        self.at: asyncio.Future[float] = self._loop.create_future()

    def write(self, frames: bytes) -> None:
        due = self._begun + self._periods * PERIOD
        time.sleep(max(0.0, due - time.monotonic()))
        self._periods += 1
        if max(memoryview(frames).cast("h")) > LOUD:
            self._loop.call_soon_threadsafe(self._note, due + WAITING * PERIOD)

    def delay(self) -> float:
        return WAITING * PERIOD

    def close(self) -> None: ...

    def _note(self, at: float) -> None:
        if not self.at.done():
            self.at.set_result(at)


async def measure_accept_to_sound(scene: Scene) -> list[Figure | NotMeasured]:
    """Two peers of ours on loopback; the answer takes no time from one to the other."""
    first, both = [], []
    for _ in range(scene.count(21, 6)):
        waits = await _accept()
        first.append(1000 * min(waits))
        both.append(1000 * max(waits))
    name, details = "accept to sound in both directions", spread(both[1:])
    details = {**details, "firstDirection": round(statistics.median(first[1:]), 1)}
    return [Figure(name, statistics.median(both[1:]), "ms", TARGET, details)]


def _itself(player: FirstSound) -> FirstSound:
    return player


async def _accept() -> list[float]:
    """Seconds until each side hears the other."""
    players = [FirstSound(), FirstSound()]
    hubs = [AudioHub(Microphone(TalkingMicrophone, lambda _fault: None)) for _ in players]
    speakers = [CardSpeaker(partial(_itself, each), lambda _fault: None) for each in players]
    caller, callee = (
        Side(
            LocalStream(audio=hub, playback=Playback(speaker)),
            ice=IceOptions(host_addresses=("127.0.0.1",)),
        )
        for hub, speaker in zip(hubs, speakers, strict=True)
    )
    async with closing(caller, callee):
        offer = await caller.peer.create_offer()
        accepted = time.monotonic()
        for player in players:
            player._begun = accepted
        answer = await callee.peer.create_answer(offer)
        callee.peer.start_media()
        await caller.peer.apply_answer(answer)
        caller.peer.start_media()
        async with asyncio.timeout(PATIENCE):
            heard = [await each.at for each in players]
    for hub, speaker in zip(hubs, speakers, strict=True):
        await hub.close()
        await speaker.close()
    return [at - accepted for at in heard]
