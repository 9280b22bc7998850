"""Repeated deliveries are carried out once."""

from __future__ import annotations

from agent.device.command_history import (
    MAX_COMMANDS,
    MAX_RESULTS,
    MEMORY,
    NOT_KEPT,
    CommandHistory,
)
from agent.signaling.protocol.messages import CommandResult

DONE = CommandResult.success(rules=1)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_command_seen_again_has_the_result_of_the_first() -> None:
    history = CommandHistory(Clock())
    assert history.begin("reload", "1") is None
    again = history.begin("reload", "1")
    assert again is not None
    assert not again.done()
    history.finish("reload", "1", DONE)
    assert await again == DONE


async def test_command_of_another_verb_or_id_is_new() -> None:
    history = CommandHistory(Clock())
    assert history.begin("reload", "1") is None
    assert history.begin("close", "1") is None
    assert history.begin("reload", "2") is None


async def test_command_is_forgotten_after_an_hour() -> None:
    clock = Clock()
    history = CommandHistory(clock)
    history.begin("reload", "1")
    history.finish("reload", "1", DONE)
    clock.now = MEMORY - 1
    assert history.begin("reload", "1") is not None
    clock.now = MEMORY
    assert history.begin("reload", "1") is None


async def test_history_is_bounded_in_commands() -> None:
    history = CommandHistory(Clock())
    for number in range(MAX_COMMANDS + 10):
        history.begin("reload", str(number))
    assert len(history) == MAX_COMMANDS


async def test_history_over_its_bytes_keeps_that_it_was_carried_out() -> None:
    history = CommandHistory(Clock())
    picture = CommandResult.success(data="x" * (MAX_RESULTS // 2))
    for number in range(3):
        history.begin("snapshot", str(number))
        history.finish("snapshot", str(number), picture)
    first, last = history.begin("snapshot", "0"), history.begin("snapshot", "2")
    assert first is not None
    assert await first == NOT_KEPT
    assert last is not None
    assert await last == picture
