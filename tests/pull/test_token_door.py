"""Tokens: whose they are, and how fast they may be tried."""

from __future__ import annotations

import asyncio
import hmac
import logging

import pytest

from agent.counts import RefusalCounts, RefusalKind
from agent.pull.token_door import MAX_WAITING, Denied, TokenDoor

TOKENS = {"frigate": "frigate's own token", "wall": "another one's token"}
RIGHT = TOKENS["frigate"]


class Waiting:
    """A sleep that lasts until it is told."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.over = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await self.over.wait()


async def test_token_names_its_consumer() -> None:
    door = TokenDoor(TOKENS, RefusalCounts())
    assert await door.enter(RIGHT, "a") == "frigate"
    assert await door.enter(TOKENS["wall"], "a") == "wall"
    assert await door.enter(None, "a") is Denied.NO_TOKEN


async def test_wrong_token_is_told_late_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    counts, sleep = RefusalCounts(), Waiting()
    sleep.over.set()
    door = TokenDoor(TOKENS, counts, sleep)
    for guess in ("", RIGHT[:-1], RIGHT + "x", "\udcff"):
        assert await door.enter(guess, "192.0.2.9") is Denied.WRONG_TOKEN
    assert sleep.seconds == [1.0] * 4
    assert counts.totals()[RefusalKind.LOGIN] == 4
    assert "192.0.2.9" in caplog.text
    assert RIGHT[:-1] not in caplog.text


async def test_guesses_together_are_bounded_and_lock_out_no_neighbor() -> None:
    sleep = Waiting()
    door = TokenDoor(TOKENS, RefusalCounts(), sleep)
    assert await door.enter(RIGHT, "a") == "frigate"
    guesses = [asyncio.ensure_future(door.enter("wrong", "a")) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0)
    # nobody finds out by a right one in the meantime
    assert await door.enter(TOKENS["wall"], "a") is Denied.TOO_MANY
    assert await door.enter("wrong", "a") is Denied.TOO_MANY
    assert await door.enter(RIGHT, "a") == "frigate"
    sleep.over.set()
    assert await asyncio.gather(*guesses) == [Denied.WRONG_TOKEN] * MAX_WAITING
    assert await door.enter(TOKENS["wall"], "a") == "wall"


async def test_log_of_wrong_tokens_has_a_budget(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    sleep = Waiting()
    sleep.over.set()
    door = TokenDoor(TOKENS, RefusalCounts(), sleep)
    for _ in range(50):
        await door.enter("wrong", "a")
    assert len(caplog.records) <= 11


async def test_every_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    real = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(len(one) == len(other))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    await TokenDoor(TOKENS, RefusalCounts()).enter(RIGHT, "a")
    assert compared == [True] * len(TOKENS)
