"""Streams become sound on a card, as long as there are any."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from agent.errors import MediaUnavailable
from agent.media.sound import reopening
from agent.media.sound.level import Level
from agent.media.sound.loudspeaker import CardSpeaker
from tests.fakes.cards import FakeCard
from tests.fakes.playout import FakeStream, constant
from tests.waiting import until


def endless(value: int) -> FakeStream:
    return FakeStream(itertools.repeat(constant(value)))


def nobody(_fault: MediaUnavailable | None) -> None: ...


async def test_loudspeaker_plays_the_sum_while_there_is_a_stream() -> None:
    card = FakeCard()
    loudspeaker = CardSpeaker(card.open, nobody)
    first, second = endless(100), endless(20)
    loudspeaker.attach(first)
    await until(lambda: constant(100) * 2 in card.played)
    loudspeaker.attach(second)
    await until(lambda: constant(120) * 2 in card.played)
    loudspeaker.detach(first)
    loudspeaker.detach(second)
    await until(lambda: not card.is_open)
    loudspeaker.attach(second)
    await until(lambda: card.opened == 2)
    await loudspeaker.close()
    await loudspeaker.close()
    assert not card.is_open


async def test_loudspeaker_without_a_card_reads_no_stream() -> None:
    card, stream, there = FakeCard(), endless(1), False
    loudspeaker = CardSpeaker(card.open, nobody, present=lambda: there)
    loudspeaker.attach(stream)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (card.opened, stream.reads) == (0, 0)
    loudspeaker.detach(stream)
    there = True
    loudspeaker.attach(stream)
    await until(lambda: card.opened == 1)
    await loudspeaker.close()


async def test_loudspeaker_follows_its_level() -> None:
    card, level = FakeCard(), Level(50)
    loudspeaker = CardSpeaker(card.open, nobody, level=level)
    loudspeaker.attach(endless(8000))
    await until(lambda: constant(1000) * 2 in card.played)
    level.turn(0)
    await until(lambda: constant(0) * 2 in card.played)
    await loudspeaker.close()


async def test_loudspeaker_that_is_lost_drains_its_streams_until_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reopening, "RETRY", 0.01)
    card, stream, told = FakeCard(), endless(1), asyncio.Queue[MediaUnavailable | None]()
    loudspeaker = CardSpeaker(card.open, told.put_nowait)
    loudspeaker.attach(stream)
    assert await told.get() is None
    card.plugged = False
    assert "not plugged in" in str(await told.get())
    before = stream.reads
    await until(lambda: stream.reads > before + 3)
    card.plugged = True
    assert await told.get() is None
    await loudspeaker.close()
    assert card.opened == card.closed == 2


async def test_loudspeaker_that_is_closed_takes_no_stream() -> None:
    card = FakeCard()
    loudspeaker = CardSpeaker(card.open, nobody)
    await loudspeaker.close()
    loudspeaker.attach(endless(1))
    assert not card.opened
