"""The table of parts: started in order, stopped in reverse."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent.core.call.notices import PushToTalk
from agent.core.policy.rules import Policy
from agent.device.parts import Part, Parts, compose, running
from agent.settings import Settings


def settings(folder: Path) -> Settings:
    return Settings.model_validate(
        {
            "uid": "door-1",
            "state_directory": folder,
            "max_conversations": 3,
            "call": {"setup_timeout": 20},
            "video": {"source": "pattern"},
            "audio": {"capture": "none"},
        }
    )


@pytest.fixture
async def parts(tmp_path: Path) -> Parts:
    chosen, policy = settings(tmp_path), Policy(timezone=UTC)
    return compose(chosen, policy, lambda: (chosen, policy))


def recorded(
    story: list[str], name: str, fault: Exception | None = None
) -> Callable[[Parts], AbstractAsyncContextManager[object]]:
    @asynccontextmanager
    async def context(_parts: Parts) -> AsyncIterator[None]:
        if fault is not None:
            raise fault
        story.append(name)
        yield
        story.append(f"no {name}")

    return context


async def test_running_starts_in_order_and_stops_in_reverse(parts: Parts) -> None:
    story: list[str] = []
    async with running([Part(name, recorded(story, name)) for name in ("a", "b")], parts):
        assert story == ["a", "b"]
    assert story == ["a", "b", "no b", "no a"]


async def test_running_stops_what_has_started_where_a_part_fails(parts: Parts) -> None:
    story: list[str] = []
    table = [Part("a", recorded(story, "a")), Part("b", recorded(story, "b", OSError("gone")))]
    with pytest.raises(OSError, match="gone"):
        async with running(table, parts):
            pass
    assert story == ["a"]


async def test_running_goes_on_without_an_optional_part_that_fails(parts: Parts) -> None:
    story: list[str] = []
    table = [
        Part("a", recorded(story, "a", OSError("taken")), optional=True),
        Part("b", recorded(story, "b")),
    ]
    async with running(table, parts):
        assert story == ["b"]
        assert parts.state.faults == {"a": "taken"}


async def test_running_leaves_out_what_is_not_wanted(parts: Parts) -> None:
    story: list[str] = []
    async with running([Part("a", recorded(story, "a"), wanted=lambda _: False)], parts):
        assert story == []


async def test_compose_starts_nothing(parts: Parts) -> None:
    assert not parts.broker.alive
    assert not parts.video.running


async def test_compose_lets_who_holds_a_button_be_heard(tmp_path: Path) -> None:
    sound = {"capture": "pattern", "playback": "none", "mode": "push_to_talk"}
    chosen = Settings.model_validate({"state_directory": tmp_path, "audio": sound})
    policy = Policy(timezone=UTC)
    parts = compose(chosen, policy, lambda: (chosen, policy))
    assert parts.sound.talk is not None
    conversation = SimpleNamespace(id="c-1")
    for on in (True, False):
        parts.client._emitter.emit_everything(conversation, "push_to_talk", PushToTalk(on))
        assert parts.sound.talk.talking is on
