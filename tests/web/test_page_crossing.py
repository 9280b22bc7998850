"""Page and device, or two pages, that call each other: one call, and the page shows that one
(PROTOCOL 3).
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, expect

from agent.client.call_client import CallClient
from agent.core.call import events as ev
from tests.conftest import Mosquitto
from tests.e2e.device import UID, Watcher, device
from tests.waiting import PATIENCE
from tests.web.page_harness import Ghost, Visitor, listening, visiting

pytestmark = [pytest.mark.broker, pytest.mark.browser, pytest.mark.media]

RING = '[[policy.rule]]\nname = "ask"\naction = "ring"\n'
# the lower id goes first
LOW, HIGH = "00", "ff"
# as quickly as can be
PRESS = "uid => document.querySelector(`[data-testid=device-${uid}] .call`).click()"


def numbered(prefix: str) -> Any:
    """Ids of conversations begin with this, so that it is known which call goes first."""
    script = f"""
        const draw = crypto.getRandomValues.bind(crypto);
        crypto.getRandomValues = (bytes) => {{
            draw(bytes);
            if (bytes.length === 16) bytes[0] = 0x{prefix};
            return bytes;
        }};
    """

    async def prepare(context: BrowserContext) -> None:
        await context.add_init_script(script)

    return prepare


async def in_one_call(visitor: Visitor) -> None:
    """The page shows the one call that it is in, and nothing else."""
    await visitor.live()
    await expect(visitor.part("incoming")).to_be_hidden()
    await expect(visitor.part("summary")).to_be_hidden()
    await visitor.page.wait_for_function("() => callbox.conversations.length === 1")
    await visitor.frames(5)


async def in_calls(visitor: Visitor) -> list[str]:
    calls: list[str] = await visitor.page.evaluate("() => callbox.conversations.map((c) => c.id)")
    return calls


class Late:
    """What a client says of its calls goes out when it is told to."""

    def __init__(self, client: CallClient) -> None:
        self._send = client.signaling.send
        self._held: list[tuple[Any, dict[str, Any]]] = []
        self._changed = asyncio.Event()
        client.signaling.send = self._hold  # type: ignore[assignment,method-assign]

    def _hold(self, message: Any, **to: Any) -> None:
        if isinstance(message, ev.SendInvite | ev.SendResponse | ev.SendClose):
            self._held.append((message, to))
            self._changed.set()
        else:
            self._send(message, **to)

    async def holds(self, kind: type[Any]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not any(isinstance(message, kind) for message, _ in self._held):
                self._changed.clear()
                await self._changed.wait()

    def release(self, kind: type[Any]) -> None:
        for message, to in self._held:
            if isinstance(message, kind):
                self._send(message, **to)


@pytest.mark.parametrize("prefix", [HIGH, pytest.param(LOW, marks=pytest.mark.further_case)])
async def test_page_shows_the_one_call_of_two_that_cross(
    tmp_path: Path,
    mosquitto: Mosquitto,
    watcher: Watcher,
    browser: Browser,
    url: str,
    prefix: str,
) -> None:
    """Whichever of the two goes first: a person is asked at the device, and the device calls; then
    both call in the same moment.
    """
    async with (
        device(tmp_path, mosquitto, watcher, policy=RING),
        visiting(browser, url, prepare=numbered(prefix)) as visitor,
    ):
        uid = await visitor.uid()
        await visitor.button(f"Call {UID}").click()
        await expect(visitor.words("Ringing. Someone is being asked.")).to_be_visible()
        watcher.publish(f"{UID}/command/call", {"to": [uid], "lifetime": 20})
        # which of the two it is depends on whose answer is there first
        await in_one_call(visitor)
        await visitor.hang_up()
        await visitor.expect_end("You hung up.")
        await expect(visitor.button(f"Call {UID}")).to_be_enabled()
        watcher.publish(f"{UID}/command/call", {"to": [uid], "lifetime": 20})
        await visitor.page.evaluate(PRESS, UID)
        await in_one_call(visitor)
        await visitor.hang_up()
        await visitor.expect_end("You hung up.")


async def test_page_shows_its_own_call_again_where_the_other_one_gives_way(
    mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    """The page's call goes first and its answer is late: the page takes the other one meanwhile."""
    async with (
        visiting(browser, url, prepare=numbered(LOW)) as visitor,
        listening(mosquitto) as listener,
    ):
        out, uid = Late(listener.client), await visitor.uid()
        theirs = listener.client.call(uid)
        await visitor.button(f"Call {listener.uid}").click()
        own = await visitor.page.evaluate("() => callbox.conversations[0].id")
        # it is taken over there, and not heard of here
        await out.holds(ev.SendResponse)
        out.release(ev.SendInvite)
        await watcher.wait(
            f"{listener.uid}/signal/{uid}",
            lambda body: (body["type"], body["conversation"]) == ("response", theirs.id),
        )
        out.release(ev.SendClose)
        out.release(ev.SendResponse)
        await expect(visitor.part("call-state")).to_be_visible()
        assert await in_calls(visitor) == [own]
        await visitor.hang_up()
        await visitor.expect_end("You hung up.")


async def test_pages_that_call_each_other_are_in_one_call(
    watcher: Watcher, browser: Browser, url: str
) -> None:
    async with visiting(browser, url) as one, visiting(browser, url) as other:
        uids = [await one.uid(), await other.uid()]
        for uid in uids:
            Ghost(watcher, uid).appear()
        pages = [(one, uids[1]), (other, uids[0])]
        for visitor, uid in pages:
            await expect(visitor.button(f"Call {uid}")).to_be_enabled()
        await asyncio.gather(*(visitor.page.evaluate(PRESS, uid) for visitor, uid in pages))
        for visitor, _ in pages:
            await expect(visitor.part("call-state")).to_be_visible()
            await expect(visitor.part("incoming")).to_be_hidden()
            await expect(visitor.part("summary")).to_be_hidden()
        (first,), (second,) = [await in_calls(visitor) for visitor, _ in pages]
        assert first == second
        await one.hang_up()
        await one.expect_end("You hung up.")
        await other.expect_end(f"{uids[0]} hung up.")
