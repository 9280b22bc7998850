"""Calls from the page and to it: whole devices, a real broker, real WebRTC, and what the person
then sees and hears.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.conftest import Mosquitto
from tests.e2e.device import UID, Watcher, device
from tests.web.page_harness import Ghost, Visitor, listening, visiting

pytestmark = [pytest.mark.broker, pytest.mark.browser, pytest.mark.media]

RING = '[[policy.rule]]\nname = "ask"\naction = "ring"\n'
REJECT = '[[policy.rule]]\nname = "nobody"\naction = "reject"\n'
# Hz, of the device's test sound
TONE = 440


async def closed(watcher: Watcher, **matching: Any) -> dict[str, Any]:
    """The device's record of the call."""
    record: dict[str, Any] = await watcher.wait(
        f"{UID}/events/closed", lambda body: matching.items() <= body.items()
    )
    return record


async def test_page_call_with_picture_and_sound(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    async with device(tmp_path, mosquitto, watcher), visiting(browser, url) as visitor:
        await expect(visitor.button(f"Call {UID}")).to_be_enabled()
        await visitor.call()
        assert await visitor.frames(10) == {"width": 320, "height": 240}
        tone = await visitor.tone()
        await watcher.wait(f"{UID}/events/remote_stats", speaks)
        await expect(visitor.part("path")).to_contain_text("Direct")
        await expect(visitor.part("measurements")).to_contain_text(re.compile(r"\d+ kbit/s"))
        await visitor.look("call")
        await visitor.hang_up()
        await visitor.expect_end("You hung up.")
        await visitor.look("ended")
        facts = await visitor.part("record").inner_text()
        uid = await visitor.uid()
        record = await closed(watcher, remoteUid=uid)
    assert tone["frequency"] == pytest.approx(TONE, abs=24)
    assert re.search(r"320 . 240, \d+ fps, H264", facts)
    assert re.search(r"First picture after\s+\d+ ms", facts)
    assert (record["reason"], record["closedBy"]) == ("user_hangup", "remote")
    assert record["audio"]["packetsReceived"] > 20


def bytes_a_packet(stats: dict[str, Any]) -> float:
    audio = stats.get("audio", {})
    return (
        float(audio["bytesReceived"] / audio["packetsReceived"])
        if audio.get("packetsReceived")
        else 0.0
    )


def speaks(stats: dict[str, Any]) -> bool:
    """Whether a microphone sends more than silence, of which Opus makes 3 bytes a packet."""
    return bytes_a_packet(stats) > 20


async def test_page_mute_is_silence_at_the_other_side(
    mosquitto: Mosquitto, browser: Browser, url: str
) -> None:
    async with visiting(browser, url) as visitor, listening(mosquitto) as listener:
        await visitor.button(f"Call {listener.uid}").click()
        await expect(visitor.part("call-state")).to_have_attribute("data-state", "connected")
        await listener.ear.until(lambda levels: max(levels, default=0) > 0.01)
        tone = await visitor.tone()
        await visitor.button("Mute the microphone").click()
        await expect(visitor.button("Unmute the microphone")).to_have_attribute(
            "aria-pressed", "true"
        )
        # Some seconds, in which the microphone beeps more than once: silence costs few packets.
        await listener.ear.until(lambda levels: len(levels) > 20 and max(levels[-20:]) < 0.0005)
        await visitor.look("muted")
        await visitor.button("Unmute the microphone").click()
        await listener.ear.until(lambda levels: max(levels, default=0) > 0.01)
        await visitor.hang_up()
        await visitor.expect_end("You hung up.")
        record = await listener.conversations[0].wait_closed()
    assert tone["frequency"] == pytest.approx(TONE, abs=24)
    assert record.audio is not None


async def test_page_device_hangs_up(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    async with device(tmp_path, mosquitto, watcher), visiting(browser, url) as visitor:
        await visitor.call()
        watcher.publish(f"{UID}/command/close", {})
        await visitor.expect_end(f"{UID} hung up.")
        await expect(visitor.button(f"Call {UID}")).to_be_enabled()
        record = await closed(watcher)
    assert (record["reason"], record["closedBy"]) == ("user_hangup", "local")


async def test_page_device_stops_during_a_call(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    async with visiting(browser, url) as visitor:
        async with device(tmp_path, mosquitto, watcher):
            await visitor.call()
        await visitor.expect_end(f"{UID} is shutting down or restarting.")
        card = visitor.part(f"device-{UID}")
        await expect(card).to_contain_text("Offline")
        await expect(card.get_by_role("button")).to_be_hidden()
        await visitor.look("offline")


# -- an invitation that is not accepted ------------------------------------------------------------


async def test_page_rejected(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    async with (
        device(tmp_path, mosquitto, watcher, policy=REJECT),
        visiting(browser, url) as visitor,
    ):
        await visitor.button(f"Call {UID}").click()
        await visitor.expect_end(
            f"{UID} does not take calls from you at this time. Its rules decide; ask whoever "
            f"looks after it."
        )
        await expect(visitor.part("record")).to_contain_text("Declined")
        await visitor.look("rejected")


async def test_page_person_accepts_and_a_person_rejects(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    async with device(tmp_path, mosquitto, watcher, policy=RING), visiting(browser, url) as visitor:
        await visitor.button(f"Call {UID}").click()
        await expect(visitor.words("Ringing. Someone is being asked.")).to_be_visible()
        await visitor.look("ringing")
        watcher.publish(f"{UID}/command/reject", {})
        await visitor.expect_end(f"{UID} declined the call.")
        await visitor.part("redial").click()
        await expect(visitor.words("Ringing. Someone is being asked.")).to_be_visible()
        watcher.publish(f"{UID}/command/accept", {})
        await visitor.live()
        await visitor.hang_up()
        await visitor.expect_end("You hung up.")


async def test_page_hanging_up_before_the_answer(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    async with device(tmp_path, mosquitto, watcher, policy=RING), visiting(browser, url) as visitor:
        await visitor.button(f"Call {UID}").click()
        await expect(visitor.words("Ringing. Someone is being asked.")).to_be_visible()
        await visitor.hang_up()
        await visitor.expect_end("You cancelled the call before it was answered.")
        record = await closed(watcher)
    assert (record["reason"], record["closedBy"]) == ("cancelled", "remote")


async def test_page_two_pages_and_one_device(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    async with (
        device(tmp_path, mosquitto, watcher),
        visiting(browser, url) as first,
        visiting(browser, url) as second,
    ):
        assert await first.uid() != await second.uid()
        await first.call()
        await expect(second.part(f"device-{UID}")).to_contain_text("In a call")
        await expect(first.part(f"device-{UID}")).to_contain_text("In your call")
        await second.button(f"Call {UID}").click()
        await second.expect_end(f"{UID} is in another call. Try again in a moment.")
        await second.look("busy")
        await first.frames(10)
        await first.hang_up()
        await first.expect_end("You hung up.")
        await expect(second.part(f"device-{UID}")).to_contain_text("Online")
        await second.call()
        await second.hang_up()


async def test_page_timeout_that_the_device_tells(
    watcher: Watcher, browser: Browser, url: str
) -> None:
    ghost = Ghost(watcher)
    ghost.appear()
    async with visiting(browser, url) as visitor:
        await visitor.button(f"Call {ghost.uid}").click()
        invitation = await ghost.invited(uid := await visitor.uid())
        ghost.say(
            uid, invitation["conversation"], "response", callStatus="TIMEOUT", reason="no_answer"
        )
        await visitor.expect_end(f"Nobody answered at {ghost.uid}.")
        await expect(visitor.part("record")).to_contain_text("No answer")
        await visitor.look("timeout")


async def test_page_timeout_that_nobody_tells(watcher: Watcher, browser: Browser, url: str) -> None:
    ghost = Ghost(watcher)
    ghost.appear()
    async with visiting(browser, url, prepare=lambda context: context.clock.install()) as visitor:
        await visitor.button(f"Call {ghost.uid}").click()
        invitation = await ghost.invited(uid := await visitor.uid())
        await visitor.page.clock.fast_forward((invitation["lifetime"] + 3) * 1000)
        await visitor.expect_end(f"Nobody answered at {ghost.uid}.")
        goodbye = await ghost.told(uid, "close")
    assert goodbye["conversation"] == invitation["conversation"]
    assert goodbye["reason"] == "invite_timeout"


# -- an incoming call ------------------------------------------------------------------------------


async def ring(visitor: Visitor, watcher: Watcher) -> None:
    """Have the device call this page."""
    watcher.publish(f"{UID}/command/call", {"to": [await visitor.uid()], "lifetime": 20})
    await expect(visitor.part("incoming")).to_be_visible()


async def test_page_incoming_call_is_accepted(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    async with device(tmp_path, mosquitto, watcher), visiting(browser, url) as visitor:
        await ring(visitor, watcher)
        await expect(
            visitor.page.get_by_role("alertdialog", name=f"{UID} is calling")
        ).to_be_visible()
        await expect(visitor.page).to_have_title(f"{UID} is calling")
        await visitor.look("incoming")
        await visitor.answer("Accept")
        await visitor.live()
        tone = await visitor.tone()
        await watcher.wait(f"{UID}/events/remote_stats", speaks)
        await visitor.hang_up()
        await visitor.expect_end("You hung up.")
        record = await closed(watcher)
    assert tone["frequency"] == pytest.approx(TONE, abs=24)
    assert (record["direction"], record["reason"], record["closedBy"]) == (
        "outgoing",
        "user_hangup",
        "remote",
    )


async def test_page_incoming_call_is_rejected(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    async with device(tmp_path, mosquitto, watcher), visiting(browser, url) as visitor:
        await ring(visitor, watcher)
        await visitor.answer("Reject")
        await visitor.expect_end(f"You declined the call from {UID}.")
        record = await closed(watcher)
        # and nothing is left of it
        await visitor.call()
        await visitor.hang_up()
    assert (record["direction"], record["callStatus"], record["reason"]) == (
        "outgoing",
        "REJECTED",
        "rejected",
    )


async def test_page_incoming_call_that_is_withdrawn(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    async with device(tmp_path, mosquitto, watcher), visiting(browser, url) as visitor:
        await ring(visitor, watcher)
        watcher.publish(f"{UID}/command/close", {})
        await expect(visitor.part("incoming")).to_be_hidden()
        await visitor.expect_end(f"{UID} gave up before you answered.")


async def test_page_one_of_two_pages_accepts(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    async with (
        device(tmp_path, mosquitto, watcher),
        visiting(browser, url) as first,
        visiting(browser, url) as second,
    ):
        watcher.publish(
            f"{UID}/command/call", {"to": [await first.uid(), await second.uid()], "lifetime": 20}
        )
        await expect(second.part("incoming")).to_be_visible()
        await first.answer("Accept")
        await first.live()
        await expect(second.part("incoming")).to_be_hidden()
        await second.expect_end(f"{await first.uid()} answered the call from {UID}.")
        await first.hang_up()
