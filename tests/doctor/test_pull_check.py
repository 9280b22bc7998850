"""Whether those who pull are answered."""

from __future__ import annotations

import asyncio
from typing import Any

from agent.device.pulling import Pulling
from agent.doctor.findings import Finding, Verdict
from agent.doctor.pull_check import check_pull
from agent.settings import Settings
from tests.free_ports import free_port

FRIGATE = {"name": "frigate", "token": "sixteen-or-more-"}
WALL = {"name": "wall", "token": "another-one-of-16"}


def settings(port: int, *consumers: dict[str, str], **pull: Any) -> Settings:
    section = {"enabled": True, "port": port, "consumer": consumers, **pull}
    return Settings.model_validate({"uid": "door-1", "pull": section})


async def found(asked: Settings) -> list[Finding]:
    return await asyncio.to_thread(lambda: [*check_pull(asked)])


async def test_consumer_that_is_let_in_is_well() -> None:
    port = free_port()
    async with Pulling(settings(port, FRIGATE, WALL)).server():
        told = await found(settings(port, FRIGATE, WALL, host="0.0.0.0", insecure=True))
    assert [each.verdict for each in told] == [Verdict.OK] * 2
    assert told[0].text == "frigate is let in by its token"


async def test_consumer_whose_token_is_another_is_told_without_it() -> None:
    port = free_port()
    async with Pulling(settings(port, FRIGATE)).server():
        (told,) = await found(settings(port, WALL))
    assert told.verdict is Verdict.FAILED
    assert "wall is answered 401" in told.text
    assert WALL["token"] not in told.text + told.advice


async def test_port_where_nobody_answers_is_told_once() -> None:
    (told,) = await found(settings(free_port(), FRIGATE, WALL))
    assert told.verdict is Verdict.WARNING
    assert "does not answer" in told.text


async def test_what_is_off_is_not_looked_at() -> None:
    assert await found(Settings.model_validate({"uid": "door-1"})) == []
