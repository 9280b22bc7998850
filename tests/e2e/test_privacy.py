"""Privacy of a whole device in a call with a real peer: what leaves it, and what it has open."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.client.call_client import CallClient
from agent.client.conversation import Conversation
from agent.core.call.reasons import CallStatus, CloseReason, Purpose
from agent.ports import AccessUnit, DecodedAudio
from tests.conftest import Mosquitto
from tests.e2e.device import UID, Watcher, device
from tests.media.clips import write_clip, write_sound
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.broker, pytest.mark.media]


def open_files(pid: int, folder: Path) -> set[str]:
    """What the process has open below a folder, as the kernel says."""
    links = (each.resolve() for each in Path(f"/proc/{pid}/fd").iterdir())
    return {each.name for each in links if each.parent == folder.resolve()}


def udp_sockets(pid: int) -> int:
    """Without one no media can leave."""
    inodes = {row.split()[9] for row in _rows(pid, "udp") + _rows(pid, "udp6")}
    count = 0
    for each in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(each)
        except OSError:
            continue
        count += target.startswith("socket:[") and target[8:-1] in inodes
    return count


def _rows(pid: int, kind: str) -> list[str]:
    return Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - nobody tells when the kernel's list changes
            await asyncio.sleep(0.02)


class Count:
    """A `RemoteSink` that counts what arrives."""

    def __init__(self) -> None:
        self.pictures = self.sounds = 0

    def on_video(self, unit: AccessUnit) -> None:
        self.pictures += 1

    def on_audio(self, audio: DecodedAudio) -> None:
        self.sounds += 1


def look(client: CallClient, purpose: Purpose) -> tuple[Conversation, Count]:
    conversation, count = client.call(UID, purpose=purpose), Count()
    conversation.remote_stream.attach(count)
    return conversation, count


async def test_privacy_leaves_nothing_open_and_lets_nothing_out(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    media = tmp_path / "media"
    media.mkdir()
    clip = write_clip(tmp_path / "camera.mp4", pictures=50)
    # it is read as it is played, as a card is
    sound = write_sound(media / "voice.wav", seconds=120.0)
    monkeypatch.setenv("CALLBOX_VIDEO__SOURCE", f"file:{clip}")
    monkeypatch.setenv("CALLBOX_AUDIO__CAPTURE", f"file:{sound}")
    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    async with (
        device(tmp_path, mosquitto, watcher) as door,
        CallClient.connect(url, uid="alice") as alice,
        CallClient.connect(url, uid="bob") as bob,
    ):
        talk, heard = look(alice, Purpose.TALK)
        view, seen = look(bob, Purpose.VIEW)
        await until(lambda: min(heard.pictures, heard.sounds, seen.pictures) > 10)
        assert open_files(door.pid, media) == {"voice.wav"}
        assert udp_sockets(door.pid) > 0
        watcher.publish(f"{UID}/command/privacy", {"id": "on", "on": True})
        for conversation in (talk, view):
            record = await conversation.wait_closed()
            assert record.reason is CloseReason.PRIVACY_MODE
        await watcher.wait(f"{UID}/events/command_result", lambda body: body["id"] == "on")
        assert open_files(door.pid, media) == set()
        await until(lambda: udp_sockets(door.pid) == 0)
        # whatever is asked for now: no answer, no picture, no socket, no file
        for purpose in (Purpose.TALK, Purpose.VIEW):
            refused, nothing = look(alice, purpose)
            assert await refused.answered() is CallStatus.REJECTED
            await refused.wait_closed()
            assert (nothing.pictures, nothing.sounds) == (0, 0)
        watcher.publish(f"{UID}/command/snapshot", {"id": "picture"})
        result = await watcher.wait(
            f"{UID}/events/command_result", lambda body: body["id"] == "picture"
        )
        assert (result["ok"], result["code"]) == (False, "privacy_mode")
        assert (open_files(door.pid, media), udp_sockets(door.pid)) == (set(), 0)
        # it was said before as well, at the start
        before = len(watcher.messages)
        watcher.publish(f"{UID}/command/privacy", {"on": False})
        await watcher.wait(f"{UID}/status", lambda body: body["privacy"] is False, after=before)
        again, heard = look(alice, Purpose.TALK)
        await until(lambda: min(heard.pictures, heard.sounds) > 0)
        assert open_files(door.pid, media) == {"voice.wav"}
        await again.close()
