"""The client that a device is."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.core.call.notices import PushToTalk
from agent.core.policy.rules import Policy
from agent.device.device_client import client_options, let_talk
from agent.device.parts import compose
from agent.pull.joined_signaling import JoinedSignaling
from agent.settings import Settings
from agent.signaling.channel import SignalingChannel


def settings(folder: Path, **more: Any) -> Settings:
    return Settings.model_validate(
        {
            "uid": "door-1",
            "state_directory": folder,
            "max_conversations": 3,
            "max_viewers": 2,
            "call": {"setup_timeout": 20},
            "video": {"source": "pattern"},
            "audio": {"capture": "none"},
            **more,
        }
    )


def test_client_options_are_as_set(tmp_path: Path) -> None:
    options = client_options(settings(tmp_path))
    assert (options.max_conversations, options.max_viewers, options.timing.setup) == (3, 2, 20)


@pytest.mark.parametrize(("enabled", "kind"), [(False, SignalingChannel), (True, JoinedSignaling)])
async def test_client_signals_by_http_where_that_is_wanted(
    tmp_path: Path, enabled: bool, kind: type
) -> None:
    chosen, policy = settings(tmp_path, pull={"enabled": enabled}), Policy(timezone=UTC)
    parts = compose(chosen, policy, lambda: (chosen, policy))
    assert isinstance(parts.client.signaling, kind)


def test_device_without_push_to_talk_listens_to_no_button() -> None:
    client: Any = SimpleNamespace(subscribe=None)
    let_talk(client, None)


def test_button_moves_the_gate() -> None:
    moved: list[tuple[str, bool]] = []
    heard: list[Any] = []
    client: Any = SimpleNamespace(subscribe=heard.append)
    gate: Any = SimpleNamespace(talk=lambda conversation, on: moved.append((conversation, on)))
    let_talk(client, gate)
    heard[0](SimpleNamespace(id="c"), "push_to_talk", PushToTalk(True))
    assert moved == [("c", True)]
