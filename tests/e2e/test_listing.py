"""A listing that was written for the video SDK runs as it is, against another process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from agent.client import (
    CallClient,
    CallStatus,
    CloseReason,
    Conversation,
    LocalStream,
    RemoteStream,
)
from tests.conftest import Mosquitto
from tests.e2e.device import PATIENCE, UID, call, device, watching
from tests.fakes.sink import KeepingSink

pytestmark = [pytest.mark.broker, pytest.mark.media]

REJECT_ALL = '[[policy.rule]]\nname = "nobody"\naction = "reject"\n'


async def test_listing_calls_shows_and_hangs_up(tmp_path: Path, mosquitto: Mosquitto) -> None:
    heard: list[tuple[str, Any]] = []
    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    async with (
        watching(mosquitto) as watcher,
        device(tmp_path, mosquitto, watcher),
        CallClient.connect(url, uid="front-desk") as client,
    ):
        screen, measured = KeepingSink(), asyncio.Event()

        def show(stream: RemoteStream) -> None:
            heard.append(("stream_received", stream))
            stream.attach(screen)

        def measure(statistic: Any) -> None:
            heard.append(("remote_stats", statistic))
            if screen.video and screen.audio:
                measured.set()

        conversation = client.call(UID, LocalStream())
        conversation.on("response", lambda call_status: heard.append(("response", call_status)))
        conversation.on("stream_received", show)
        conversation.on("local_stats", lambda statistic: heard.append(("local_stats", statistic)))
        conversation.on("remote_stats", measure)
        conversation.on("closed", lambda record: heard.append(("closed", record)))
        conversation.on("error", lambda error: heard.append(("error", str(error))))
        async with asyncio.timeout(PATIENCE):
            await measured.wait()
        record = await conversation.close()
        assert conversation.remote_uid == UID
    names = [name for name, _ in heard]
    assert heard[0] == ("response", "ACCEPTED")
    assert heard[0][1] is CallStatus.ACCEPTED
    assert {"local_stats", "remote_stats"} <= {*names}
    assert "error" not in names
    streams = {id(stream): stream for name, stream in heard if name == "stream_received"}
    assert [*streams.values()] == [conversation.remote_stream]
    assert {track.kind for track in conversation.remote_stream.tracks} == {"audio", "video"}
    assert screen.video[0].keyframe
    assert heard[-1] == ("closed", record)
    assert names.count("closed") == 1
    assert record.reason is CloseReason.USER_HANGUP


async def test_listing_that_is_refused_hears_why(tmp_path: Path, mosquitto: Mosquitto) -> None:
    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    async with (
        watching(mosquitto) as watcher,
        device(tmp_path, mosquitto, watcher, policy=REJECT_ALL),
        CallClient.connect(url, uid="front-desk") as client,
    ):
        statuses: list[str] = []
        conversation = client.call(UID, LocalStream())
        conversation.on("response", statuses.append)
        record = await conversation.wait_closed()
    assert statuses == ["REJECTED"]
    assert record.reason is CloseReason.REJECTED


async def test_listing_that_is_called_rejects_or_accepts(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    calls: asyncio.Queue[Conversation] = asyncio.Queue()
    received = asyncio.Event()
    arguments = ("--uid", "door-2", "--video", "pattern", "--audio", "pattern")
    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    async with CallClient.connect(url, uid="front-desk") as client:
        client.on("called", calls.put_nowait)
        async with asyncio.timeout(3 * PATIENCE):
            caller = await call(tmp_path, mosquitto, *arguments, to="front-desk")
            conversation = await calls.get()
            await conversation.reject()
            assert await caller.finish() == (3, ANY)

            caller = await call(tmp_path, mosquitto, *arguments, to="front-desk")
            conversation = await calls.get()
            assert conversation.remote_uid == "door-2"
            conversation.on("stream_received", lambda _stream: received.set())
            await conversation.accept(LocalStream())
            await received.wait()
            assert (await conversation.close()).reason is CloseReason.USER_HANGUP
            assert await caller.finish() == (0, ANY)
