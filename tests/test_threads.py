"""What would block the event loop, in a thread of its own."""

from __future__ import annotations

import threading

import pytest

from agent.errors import MediaUnavailable
from agent.threads import call_in_thread


async def test_call_in_thread_returns_and_raises_as_a_plain_call() -> None:
    threads: list[str] = []
    await call_in_thread("test call", lambda: threads.append(threading.current_thread().name))
    assert threads == ["test call"]

    def fail() -> None:
        raise MediaUnavailable("busy")

    with pytest.raises(MediaUnavailable, match="busy"):
        await call_in_thread("test call", fail)
