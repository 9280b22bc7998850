"""Answers are kept for a moment, asked for once, and bounded."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.fleet.fleet_store import StoreUnavailable
from agent.fleet.page_answers import KEPT, WAITING, PageAnswers, TooManyQuestions
from agent.fleet.page_questions import UnknownQuestion
from agent.fleet.sql_store import SqlStore
from agent.fleet.sqlite_database import FILE_NAME, SqliteDatabase
from tests.fleet.samples import NOW, collected


class CountingStore(SqlStore):
    """Counts what it is asked, and answers when it may."""

    def __init__(self, file: Path) -> None:
        super().__init__(SqliteDatabase(file))
        self.asked = 0
        self.may_answer = threading.Event()
        self.may_answer.set()

    def query(self, sql: str, parameters: Any = ()) -> Any:
        self.asked += 1
        self.may_answer.wait(60)
        return super().query(sql, parameters)


class PageClock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def kept(tmp_path: Path) -> CountingStore:
    return CountingStore(tmp_path / FILE_NAME)


@pytest.fixture
def clock() -> PageClock:
    return PageClock()


@pytest.fixture
def answers(kept: CountingStore, clock: PageClock) -> Iterator[PageAnswers]:
    answers = PageAnswers(kept, clock=lambda: NOW / 1000, monotonic=clock)
    yield answers
    kept.may_answer.set()
    answers.close()


async def test_page_answers_ask_once_for_all_who_wait(
    answers: PageAnswers, kept: CountingStore, clock: PageClock
) -> None:
    found = await asyncio.gather(*(answers.ask("calls", "") for _ in range(20)))
    assert kept.asked == 1
    assert {each.tag for each in found} == {found[0].tag}
    await answers.ask("calls", "")
    assert kept.asked == 1
    clock.now += 60
    await answers.ask("calls", "")
    assert kept.asked == 2


async def test_page_answers_have_another_tag_after_a_change(
    answers: PageAnswers, kept: CountingStore, clock: PageClock
) -> None:
    before = await answers.ask("devices", "")
    kept.write([collected("door-1", "status", {"state": "online"})])
    clock.now += 60
    after = await answers.ask("devices", "")
    assert after.tag != before.tag
    assert json.loads(after.body)["states"]["online"] == 1


async def test_page_answers_refuse_what_is_too_much(
    answers: PageAnswers, kept: CountingStore
) -> None:
    kept.may_answer.clear()
    waiting = [
        asyncio.create_task(answers.ask("calls", f"result={each}")) for each in range(WAITING)
    ]
    await asyncio.sleep(0)
    with pytest.raises(TooManyQuestions):
        await answers.ask("calls", "result=one-more")
    kept.may_answer.set()
    await asyncio.gather(*waiting)
    for each in range(KEPT):
        await answers.ask("calls", f"result={each}")
    assert (await answers.ask("calls", "")).body == b'{"calls":[]}'


async def test_page_answers_tell_of_a_store_that_is_away_and_ask_again(tmp_path: Path) -> None:
    file = tmp_path / FILE_NAME
    answers = PageAnswers(SqlStore(SqliteDatabase(file, read_only=True)))
    with pytest.raises(StoreUnavailable):
        await answers.ask("calls", "")
    writer = SqlStore(SqliteDatabase(file))
    writer.open()
    writer.close()
    assert (await answers.ask("calls", "")).body == b'{"calls":[]}'
    with pytest.raises(UnknownQuestion):
        await answers.ask("nothing", "")
    answers.close()
