"""aiortc and aioice measure intervals by a clock that is never set."""

from __future__ import annotations

import importlib
import inspect
import re
import time
from typing import Any

import aioice.ice
import aioice.stun
import aioice.turn
import aiortc.clock
import aiortc.codecs
import aiortc.rtcdtlstransport
import pytest

from agent.webrtc import internals as inside
from agent.webrtc.internals import interval_clock as clock


def test_interval_clock_is_one_that_nobody_sets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inside.configure()
    modules: list[Any] = [
        aiortc.rtcrtpreceiver,
        aiortc.rtcrtpsender,
        aiortc.rtcsctptransport,
        aioice.turn,
    ]
    before = [modules[0].time.time(), aiortc.clock.current_ms() / 1000]
    monkeypatch.setattr(time, "time", lambda: 0.0)
    after = [modules[0].time.time(), aiortc.clock.current_ms() / 1000]
    assert all(0 <= later - earlier < 3600 for earlier, later in zip(before, after, strict=True))
    used = re.compile(r"\btime\.(?!time\(\))\w+\(|from time import")
    for module in modules:
        assert module.time.time is clock.steady_time
        assert not used.findall(inspect.getsource(module)), module.__name__
    names = ("rtcdtlstransport", "rtcicetransport", "rtcpeerconnection", "rate", "jitterbuffer")
    # what else there is goes by aiortc.clock, but for the dates of certificates
    for each in ("clock", *names):
        source = inspect.getsource(importlib.import_module(f"aiortc.{each}"))
        assert "time.time(" not in source
        assert source.count("datetime.now(") == {"clock": 1, "rtcdtlstransport": 1}.get(each, 0), (
            each
        )
