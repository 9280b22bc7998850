"""Other programs pull the picture: a device in its own process, and players that are not ours."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Error

from tests.conftest import Mosquitto
from tests.e2e.browser import chromium
from tests.e2e.device import Watcher, device
from tests.e2e.go2rtc_player import Go2rtcPlayer
from tests.e2e.whep_page import NOT_ASKED, ORIGIN, whep_page
from tests.free_ports import free_port
from tests.waiting import PATIENCE

TOKEN = "sixteen-or-more-"
RULE = '[[policy.rule]]\nname = "nvr"\ncallers = ["frigate"]\naction = "accept"\n'
SEEN = "document.getElementById('video').getVideoPlaybackQuality().totalVideoFrames > 30"


def pull(port: int) -> str:
    return (
        f'[pull]\nenabled = true\nport = {port}\norigins = ["{ORIGIN}"]\n'
        f'[[pull.consumer]]\nname = "frigate"\ntoken = "{TOKEN}"\n'
    )


async def served(port: int) -> None:
    """A device is online before all its optional parts have started."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return


async def closed(watcher: Watcher) -> dict[str, Any]:
    record: dict[str, Any] = await watcher.wait("door-1/events/closed")
    return record


@pytest.mark.broker
@pytest.mark.browser
@pytest.mark.media
async def test_whep_client_of_its_author_shows_the_picture_in_chromium(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    port = free_port()
    async with (
        device(tmp_path, mosquitto, watcher, pull(port), policy=RULE),
        chromium(NOT_ASKED) as browser,
        whep_page(browser) as player,
    ):
        await served(port)
        with pytest.raises(Error, match="status 401"):
            await player.view(f"http://127.0.0.1:{port}/whep", "a wrong token, long")
        await player.view(f"http://127.0.0.1:{port}/whep/door-1", TOKEN)
        await player.until(SEEN)
        width = await player.evaluate("document.getElementById('video').videoWidth")
        stats = await watcher.wait("door-1/events/local_stats", lambda body: "video" in body)
        busy = [each.body["busy"] for each in watcher.messages if each.name == "door-1/status"]
        await player.stop()
        record = await closed(watcher)
    assert width == 320
    assert (stats["via"], stats["purpose"]) == ("whep", "view")
    assert not any(busy)
    told = watcher.events(record["conversation"])
    assert {body["via"] for body in told} == {"whep"}
    assert (record["remoteUid"], record["closedBy"], record["reason"]) == (
        "frigate",
        "remote",
        "user_hangup",
    )
    assert record["audio"]["packetsSent"] > 0


@pytest.mark.broker
@pytest.mark.media
async def test_player_as_go2rtc_is_looks_and_talks_and_looks_again(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its client offers and sends: picture and sound to it, and sound of its own apart; the
    socket is closed as soon as media flow.
    """
    port, heard = free_port(), tmp_path / "heard.wav"
    monkeypatch.setenv("CALLBOX_AUDIO__PLAYBACK", f"file:{heard}")
    async with (
        device(tmp_path, mosquitto, watcher, pull(port), policy=RULE),
        Go2rtcPlayer() as player,
    ):
        await served(port)
        sections = await player.view(f"ws://127.0.0.1:{port}/api/ws?src=door-1&token={TOKEN}")
        await player.seen("video")
        player.speak(True)
        await watcher.wait("door-1/status", lambda body: body["busy"])
        await watcher.wait("door-1/call", lambda body: body["state"] == "in_call")
        player.speak(False)
        spoke = len(watcher.messages)
        await watcher.wait("door-1/status", lambda body: not body["busy"], after=spoke)
        await player.close()
        record = await closed(watcher)
    assert sections == [("video", "sendonly"), ("audio", "sendonly"), ("audio", "recvonly")]
    told = watcher.events(record["conversation"])
    responses = [body for body in told if body["event"] == "response"]
    assert [body.get("purpose") for body in responses] == ["view", None]
    assert (record["via"], record["reason"], record["closedBy"]) == (
        "go2rtc",
        "user_hangup",
        "remote",
    )
    assert heard.stat().st_size > 50_000
