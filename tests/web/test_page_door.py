"""A door on the page: who is rung sees whom, opens, answers with a few words, and looks after the
device. Whole devices, a real broker, two and three browsers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, expect

from agent.device.visits import Visit, Visits
from agent.doorbell.visitor_messages import VisitorMessages
from agent.service.status_client import press
from tests.conftest import Mosquitto
from tests.e2e.device import UID, Watcher, device
from tests.free_ports import free_port
from tests.media.clips import write_sound
from tests.web.page_harness import HOST, NARROW, Ghost, Visitor, serving, visiting

pytestmark = [pytest.mark.broker, pytest.mark.browser, pytest.mark.media]

SEEN = "() => document.getElementById('incoming-snapshot').naturalWidth > 0"
PEOPLE = ("alice", "bob", "carol")
DOORS = """
[[output]]
name = "door"
kind = "door"
[[output]]
name = "gate"
kind = "door"
code = "4711"
"""
OPEN = '[[policy.rule]]\nname = "family"\naction = "accept"\nopen = true\n'


def bell(*targets: str, folder: Path) -> str:
    names = ", ".join(f'"{each}"' for each in targets)
    ring = f'[ring]\ntargets = [{names}]\nmessages = "{folder}"\n'
    return f'{ring}[[button]]\nname = "front"\n{DOORS}'


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the device can say, and where it is heard; and its socket."""
    folder = tmp_path / "words"
    folder.mkdir()
    write_sound(folder / "leave_it_here.wav")
    monkeypatch.setenv("CALLBOX_AUDIO__PLAYBACK", f"file:{tmp_path / 'heard.wav'}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return folder


def press_front(folder: Path) -> dict[str, Any]:
    return press(folder / "run" / "callbox" / f"{UID}.sock", "front")


@asynccontextmanager
async def at_home(
    mosquitto: Mosquitto, browser: Browser, *uids: str
) -> AsyncIterator[list[Visitor]]:
    """A page for each of them."""
    async with AsyncExitStack() as stack:
        pages = []
        for uid in uids:
            url = await stack.enter_async_context(serving(mosquitto, uid=uid))
            pages.append(await stack.enter_async_context(visiting(browser, url)))
        yield pages


async def hold(button: Locator) -> None:
    """As long as it takes."""
    await button.scroll_into_view_if_needed()
    await button.focus()
    await button.page.keyboard.down("Space")
    await button.page.wait_for_function("() => !document.querySelector('[data-held]')")
    await button.page.keyboard.up("Space")


@pytest.mark.parametrize("count", [2, pytest.param(3, marks=pytest.mark.further_case)])
async def test_page_all_are_rung_and_one_answers(
    tmp_path: Path,
    mosquitto: Mosquitto,
    watcher: Watcher,
    browser: Browser,
    words: Path,
    count: int,
) -> None:
    people = PEOPLE[:count]
    async with (
        device(tmp_path, mosquitto, watcher, bell(*people, folder=words), policy=OPEN),
        at_home(mosquitto, browser, *people) as (first, *others),
    ):
        assert (await asyncio.to_thread(press_front, tmp_path))["ok"]
        for number, page in enumerate((first, *others)):
            rest = [each for each in people if each != people[number]]
            await expect(page.part("incoming")).to_be_visible()
            await expect(page.part("others")).to_have_text(f"Also rung: {', '.join(rest)}")
            # the camera was off, so the picture comes behind the invitation
            await expect(page.part("snapshot")).to_be_visible()
            await page.page.wait_for_function(SEEN)
        await first.look("door-rings")
        await first.answer("Accept")
        await first.live()
        for page in others:
            await expect(page.part("incoming")).to_be_hidden()
            await page.expect_end(f"alice answered the call from {UID}.")
            await expect(page.page).to_have_title("callbox")
        await first.hang_up()
        await first.expect_end("You hung up.")


async def test_page_opens_the_door_by_a_button_that_is_held(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, words: Path
) -> None:
    async with (
        device(tmp_path, mosquitto, watcher, bell("alice", folder=words), policy=OPEN),
        at_home(mosquitto, browser, "alice") as (alice,),
    ):
        await alice.call()
        door = alice.part("door")
        button = door.get_by_role("button", name="Hold to open door")
        outcome = door.get_by_role("status")
        await button.click()
        await button.page.wait_for_timeout(1000)
        await expect(outcome).to_have_text("")
        await hold(button)
        await expect(outcome).to_have_text("door is released.")
        opened = await watcher.wait(f"{UID}/events/output", lambda body: body["action"] == "open")
        assert (opened["by"], opened["output"]) == ("alice", "door")
        gate = door.get_by_role("button", name="Hold to open gate")
        code = door.get_by_label("Code")
        await code.fill("1234")
        await hold(gate)
        await expect(outcome).to_have_text("The code is not right.")
        await code.fill("4711")
        await hold(gate)
        await expect(outcome).to_have_text("gate is released.")
        await alice.look("door-in-call")
        await alice.hang_up()
        await alice.expect_end("You hung up.")
        after = alice.part("door-after")
        await hold(after.get_by_role("button", name="Hold to open door"))
        await expect(after.get_by_role("status")).to_have_text("door is released.")
        await alice.look("door-after")
        # a view may not: only what this login may do by command is there
        await alice.button(f"Look at {UID}").click()
        await alice.live()
        await expect(after).to_be_hidden()


async def test_page_operates_a_device_and_answers_a_visitor_without_a_call(
    tmp_path: Path,
    mosquitto: Mosquitto,
    watcher: Watcher,
    browser: Browser,
    words: Path,
) -> None:
    state, port = tmp_path / f"state-{UID}", free_port()
    left = VisitorMessages(state / "messages").place(time.time())
    left.write_bytes(b"OggS")
    visit = Visit(id="one", at=time.time(), button="front", message=left.stem)
    Visits(state / "visits").add(visit)
    web = f'[web]\nenabled = true\nport = {port}\nuid = "alice"\n'
    async with (
        device(tmp_path, mosquitto, watcher, bell("alice", folder=words) + web, policy=OPEN),
        visiting(browser, f"http://{HOST}:{port}/") as alice,
    ):
        card = alice.part(f"device-{UID}")
        privacy = card.get_by_role("switch")
        await expect(privacy).not_to_be_checked()
        await card.get_by_role("button", name="Silence the chime").click()
        await expect(card.get_by_role("button", name="Silent until")).to_be_visible()
        await watcher.wait(f"{UID}/settings", lambda body: body["silencedUntil"] is not None)
        await alice.look("door-operated")
        await alice.part("visits").get_by_role("button", name="Delete").click()
        await expect(alice.part("visits").locator("audio")).to_have_count(0)
        assert not left.exists()
        assert (await asyncio.to_thread(press_front, tmp_path))["ok"]
        dialog = alice.part("incoming-door")
        await dialog.get_by_role("button", name="leave it here").click()
        await expect(dialog.get_by_role("status")).to_have_text("Said at the door: leave it here")
        await alice.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
        await alice.look("door-rings-narrow")
        # whoever lives there opens without answering, and that ends the ring
        await hold(dialog.get_by_role("button", name="Hold to open door"))
        await expect(alice.part("incoming")).to_be_hidden()
        opened = await watcher.wait(f"{UID}/events/output", lambda body: body["action"] == "open")
        assert opened["by"] == "command"
        await card.locator("label").click()
        await expect(privacy).to_be_checked()
        await expect(card.locator(".chip")).to_have_text("Private")
        await watcher.wait(f"{UID}/status", lambda body: body["privacy"] is True)
        await alice.button(f"Call {UID}").click()
        await alice.expect_end(f"{UID} is in privacy mode: its camera stays off.")


async def test_page_offers_nothing_that_the_login_may_not_do(
    watcher: Watcher, browser: Browser, url: str
) -> None:
    """A broker that tells a caller no more than who is there."""
    ghost = Ghost(watcher)
    about = {
        "commands": ["open", "privacy", "silence", "say"],
        "messages": ["parcel"],
        "outputs": [{"name": "door", "kind": "door"}],
    }
    async with visiting(browser, url) as visitor:
        ghost.appear(privacy=False)
        watcher.publish(f"{ghost.uid}/about", about, retain=True)
        card = visitor.part(f"device-{ghost.uid}")
        await expect(card).to_contain_text("Online")
        ghost.invite(await visitor.uid(), userData={"targets": [await visitor.uid()]})
        await expect(visitor.part("incoming")).to_be_visible()
        await expect(visitor.part("incoming-door")).to_be_hidden()
        await expect(visitor.part("others")).to_be_hidden()
        await visitor.answer("Reject")
        await expect(card.get_by_role("switch")).to_be_hidden()
        # once the household's topics can be read it is all there
        watcher.publish(f"{ghost.uid}/settings", {"privacy": False}, retain=True)
        await expect(card.get_by_role("switch")).to_be_visible()
        ghost.invite(await visitor.uid())
        await expect(visitor.part("incoming-door")).to_be_visible()


async def test_page_of_the_demo_presses_its_button(mosquitto: Mosquitto, browser: Browser) -> None:
    presses: list[dict[str, Any]] = [{"ok": True}, {"ok": False, "suppressed": "busy"}]

    async def pressed() -> dict[str, Any]:
        return presses.pop(0)

    async with (
        serving(mosquitto, press=pressed) as url,
        visiting(browser, url) as visitor,
    ):
        for said in ("It rings.", "Nobody is called"):
            await visitor.part("press").click()
            await expect(visitor.part("press-outcome")).to_contain_text(said)
        await visitor.look("press")
