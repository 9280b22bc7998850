"""Callbacks by name, and for everything."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import Any

import pytest

from agent.client.emitter import Emitter


@pytest.fixture
def spawned() -> list[Awaitable[None]]:
    return []


@pytest.fixture
def emitter(spawned: list[Awaitable[None]]) -> Emitter:
    return Emitter(spawned.append, ("closed", "response"))


def test_emitter_calls_back_with_the_arguments(emitter: Emitter) -> None:
    heard: list[Any] = []
    emitter.on("closed", lambda *arguments: heard.append(arguments))
    emitter.emit("closed", 1, 2)
    emitter.emit("response", 3)
    assert heard == [(1, 2)]


def test_emitter_unknown_name_is_refused_with_those_that_there_are(emitter: Emitter) -> None:
    with pytest.raises(ValueError, match="no event 'close'; there are closed, response"):
        emitter.on("close", print)


def test_emitter_callback_taken_back_is_not_called(emitter: Emitter) -> None:
    off = emitter.on("closed", lambda: pytest.fail("it was taken back"))
    off()
    off()
    emitter.emit("closed")


def test_emitter_callback_may_take_itself_back(emitter: Emitter) -> None:
    heard: list[str] = []

    def once() -> None:
        heard.append("once")
        off()

    off = emitter.on("closed", once)
    emitter.on("closed", lambda: heard.append("always"))
    emitter.emit("closed")
    emitter.emit("closed")
    assert heard == ["once", "always", "always"]


def test_emitter_everything_has_its_own_callbacks(emitter: Emitter) -> None:
    heard: list[Any] = []
    off = emitter.on_everything(heard.append)
    emitter.emit("closed", "named")
    emitter.emit_everything("any")
    off()
    emitter.emit_everything("late")
    assert heard == ["any"]


def test_emitter_callback_that_fails_is_logged_and_the_next_is_called(
    emitter: Emitter, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []

    def fails() -> None:
        raise RuntimeError("the application is broken")

    emitter.on("closed", fails)
    emitter.on("closed", lambda: heard.append("next"))
    with caplog.at_level(logging.ERROR):
        emitter.emit("closed")
    assert heard == ["next"]
    assert "the application is broken" in caplog.text


def test_emitter_coroutine_is_spawned(emitter: Emitter, spawned: list[Awaitable[None]]) -> None:
    async def later() -> None: ...

    emitter.on("closed", later)
    emitter.emit("closed")
    (work,) = spawned
    work.close()  # type: ignore[attr-defined]
