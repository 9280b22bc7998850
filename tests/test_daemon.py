"""The whole device, without a process of its own and without a broker."""

from __future__ import annotations

import asyncio
import logging
import socket
from datetime import UTC
from pathlib import Path

import pytest

from agent.core.policy.rules import Policy
from agent.daemon import PARTS, Daemon
from agent.settings import Settings
from tests.waiting import until


def daemon(folder: Path, stop: asyncio.Event, page_port: int) -> Daemon:
    settings = Settings.model_validate(
        {
            "uid": "door-1",
            "commands": ["close"],
            "state_directory": folder,
            "mqtt": {"port": 1},
            "video": {"source": "pattern"},
            "audio": {"capture": "none"},
            "web": {"enabled": True, "port": page_port},
        }
    )
    return Daemon(lambda: (settings, Policy(timezone=UTC)), stop=stop)


async def test_daemon_whose_page_port_is_taken_is_callable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    caplog.set_level(logging.INFO)
    stop = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        running = asyncio.create_task(daemon(tmp_path, stop, taken.getsockname()[1]).run())
        await until(lambda: any("is callable as door-1" in each for each in caplog.messages))
        stop.set()
        await running
    assert sum(each.startswith("without the page") for each in caplog.messages) == 1
    # what `check` warns of
    assert sum("there are no rules" in each for each in caplog.messages) == 1


def test_parts_that_are_optional_come_after_the_calls() -> None:
    names = [part.name for part in PARTS]
    assert all(names.index(part.name) > names.index("calls") for part in PARTS if part.optional)
