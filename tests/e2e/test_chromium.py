"""Calls from Chromium: another WebRTC stack, another decoder, another idea of ICE."""

from __future__ import annotations

import contextlib
import statistics
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Error

from tests.conftest import Mosquitto
from tests.e2e.browser import HIDE_ADDRESSES, BrowserCaller, calling, chromium
from tests.e2e.device import Watcher, call, device, record_of
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.broker, pytest.mark.browser, pytest.mark.media]

PICTURES = "caller.seen.frames > 45"
# the tone's amplitude is 0.09 of full scale; silence is 0
SOUND = "caller.seen.loudest > 0.02"


async def closed_record(watcher: Watcher, conversation: str) -> dict[str, Any]:
    record: dict[str, Any] = await watcher.wait(
        "door-1/events/closed", lambda body: body["conversation"] == conversation
    )
    return record


async def test_a_whole_call(tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher) -> None:
    async with (
        device(tmp_path, mosquitto, watcher),
        chromium() as browser,
        calling(browser, mosquitto) as caller,
    ):
        conversation = await caller.invite()
        answer = await caller.wait("response")
        await caller.until(f"{PICTURES} && {SOUND}")
        await watcher.wait("door-1/events/remote_stats", hears_something)
        seen, ages = await caller.seen(), await caller.ages()
        incoming = await caller.statistics("inbound-rtp")
        await caller.hang_up()
        record = await closed_record(watcher, conversation)
    assert answer["callStatus"] == "ACCEPTED"
    assert (seen["width"], seen["height"]) == (320, 240)
    assert incoming["video"]["decoderImplementation"]
    assert incoming["video"]["framesDecoded"] >= 45
    assert (record["reason"], record["closedBy"], record["remoteUid"]) == (
        "user_hangup",
        "remote",
        "browser",
    )
    assert record["audio"]["packetsReceived"] > 20
    assert {"response", "ice", "dtls", "firstFrame"} <= set(record["setup"])
    # The page closes its transport at once, so the device may see that before it hears the `close`.
    assert (record["path"]["local"], record["path"]["protocol"], record["path"]["relayed"]) == (
        "host",
        "udp",
        False,
    )
    assert_latency(ages)


def hears_something(stats: dict[str, Any]) -> bool:
    """Whether a microphone sends more than silence, of which Opus makes 3 bytes a packet."""
    audio = stats["audio"]
    return bool(
        audio.get("packetsReceived", 0) > 50
        and audio["bytesReceived"] > 20 * audio["packetsReceived"]
    )


def assert_latency(ages: list[float]) -> None:
    """The strip is readable in Chromium's pictures too, and says something sane; how fast it is,
    the bench judges.
    """
    assert len(ages) > 40
    # both clocks are the machine's, cut to milliseconds
    assert min(ages) >= -1
    assert statistics.median(ages) < 3000


async def test_device_hangs_up(tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher) -> None:
    async with (
        device(tmp_path, mosquitto, watcher),
        chromium() as browser,
        calling(browser, mosquitto) as caller,
    ):
        conversation = await caller.invite()
        await caller.until(PICTURES)
        watcher.publish("door-1/command/close", {"conversation": conversation})
        goodbye = await caller.wait("close")
        record = await closed_record(watcher, conversation)
        seen = await caller.seen()
    assert goodbye["reason"] == seen["closed"] == "user_hangup"
    assert (record["reason"], record["closedBy"]) == ("user_hangup", "local")


async def test_key_frame_when_the_page_asks(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    async with (
        device(tmp_path, mosquitto, watcher),
        chromium() as browser,
        calling(browser, mosquitto) as caller,
    ):
        conversation = await caller.invite(mayAskForKeyframes=True)
        await caller.until(PICTURES)
        before = (await caller.statistics("inbound-rtp"))["video"]
        await caller.page.evaluate("caller.askForKeyframe()")
        after = await another_key_frame(caller, before["keyFramesDecoded"])
        await caller.hang_up()
        record = await closed_record(watcher, conversation)
    assert after["pliCount"] > before["pliCount"]
    assert record["video"]["pliCount"] >= 1
    # by itself the pattern makes one in 300
    assert after["framesDecoded"] - before["framesDecoded"] < 250


async def another_key_frame(caller: BrowserCaller, count: int) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    # statistics have no event; each look at them takes its time
    while time.monotonic() < deadline:
        video = (await caller.statistics("inbound-rtp"))["video"]
        if video["keyFramesDecoded"] > count:
            return video
    raise AssertionError("no key frame came")


async def test_a_page_that_hides_its_addresses(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """Without permission for a microphone Chromium shows `.local` names. Nothing waits until they
    are looked up: its checks arrive.
    """
    async with (
        device(tmp_path, mosquitto, watcher, '[log]\nlevel = "debug"\n') as program,
        chromium(HIDE_ADDRESSES) as browser,
        calling(browser, mosquitto, microphone=False) as caller,
    ):
        conversation = await caller.invite(microphone=False)
        answer = await caller.wait("response")
        await caller.until(PICTURES)
        candidates = await caller.page.evaluate("caller.candidates")
        stats = await watcher.wait("door-1/events/local_stats")
        await caller.hang_up()
        await closed_record(watcher, conversation)
        log = program.log()
    assert answer["callStatus"] == "ACCEPTED"
    assert [candidate for candidate in candidates if ".local" in candidate]
    assert not [
        candidate for candidate in candidates if " udp " in candidate and ".local" not in candidate
    ]
    assert stats["transport"]["localCandidateType"] == "host"
    assert stats["transport"]["remoteCandidateType"] in ("host", "prflx")
    assert "could not be looked up" not in log


async def test_a_call_with_sound_alone(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    async with (
        device(tmp_path, mosquitto, watcher),
        chromium() as browser,
        calling(browser, mosquitto) as caller,
    ):
        conversation = await caller.invite(video=False)
        answer = await caller.wait("response")
        await caller.until(SOUND)
        await watcher.wait(
            "door-1/events/remote_stats", lambda body: body["audio"].get("packetsReceived", 0) > 20
        )
        await caller.hang_up()
        record = await closed_record(watcher, conversation)
    assert answer["callStatus"] == "ACCEPTED"
    assert "m=video" not in answer["sdp"]
    assert record["reason"] == "user_hangup"
    assert not record.get("video", {}).get("framesSent")
    # the tone pauses, and a pause is two packets a second
    assert record["audio"]["packetsSent"] > 4


@pytest.mark.parametrize("end", ["closed", "crashed"])
async def test_a_page_that_is_gone_without_a_word(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, end: str
) -> None:
    """It keeps its place, and the next caller takes its line."""
    async with (
        device(tmp_path, mosquitto, watcher),
        chromium() as browser,
        calling(browser, mosquitto) as caller,
    ):
        conversation = await caller.invite()
        await caller.until(PICTURES)
        if end == "closed":
            await caller.page.close()
        else:
            await crash(caller)
        status = await watcher.wait(
            "door-1/status",
            lambda body: not body["busy"] and body["conversations"] == 1,
        )
        following = await call(tmp_path, mosquitto, "--seconds", "1")
        record = await closed_record(watcher, conversation)
        _, output = await following.finish()
    assert (record["reason"], record["closedBy"]) == ("replaced", "local")
    assert status["state"] == "online"
    assert record_of(output)["reason"] == "user_hangup"


async def crash(caller: BrowserCaller) -> None:
    """End the page's process as a fault in it would."""
    async with caller.page.expect_event("crash", timeout=PATIENCE * 1000):
        # of course: the page is gone
        with contextlib.suppress(Error):
            await caller.page.goto("chrome://crash")
