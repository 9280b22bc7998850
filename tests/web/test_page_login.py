"""As whom the page is at a broker that lets nobody in without a password."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Route, WebSocketRoute, expect

from tests.conftest import Mosquitto
from tests.parts import require_part
from tests.web.page_harness import NARROW, serving, visiting

pytestmark = [pytest.mark.broker, pytest.mark.browser]

NAME, PASSWORD = "front-desk", "correct horse"
PAGE_PASSWORD = "of the page itself"
# as config.json has it
LOGIN: dict[str, Any] = {"uid": NAME, "username": NAME, "token": PASSWORD}


@pytest.fixture
def strict_broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A mosquitto that lets one user in, by password, and lets it read only what is its own."""
    passwords, rules = tmp_path / "passwords", tmp_path / "acl"
    passwords.touch(mode=0o600)
    subprocess.run(
        [require_part("mosquitto_passwd"), "-b", str(passwords), NAME, PASSWORD], check=True
    )
    rules.write_text("pattern read callbox/v1/%u/signal/+\npattern read callbox/v1/+/status\n")
    rules.chmod(0o600)
    lines = (f"password_file {passwords}", f"acl_file {rules}")
    broker = Mosquitto(tmp_path, lines=lines, allow_anonymous=False)
    broker.start()
    yield broker
    broker.stop()


@pytest.mark.parametrize("needs_login", [False, True], ids=["broker", "bridge"])
async def test_page_that_is_refused_asks_for_a_login(
    strict_broker: Mosquitto, browser: Browser, *, needs_login: bool
) -> None:
    """Refused by the broker, or already by the bridge; also with a wrong password."""
    async with (
        serving(strict_broker, needs_login=needs_login) as url,
        visiting(browser, url, state="reconnecting") as visitor,
    ):
        form, username = visitor.part("login"), visitor.part("login-username")
        await expect(form).to_be_visible()
        await expect(visitor.page.get_by_role("dialog", name="Log in")).to_be_visible()
        await expect(username).to_be_focused()
        await visitor.look("login")
        await visitor.page.keyboard.press("Enter")
        await expect(visitor.part("login-fault")).to_have_text("Enter a user name.")
        await visitor.page.get_by_label("User name").fill(NAME)
        await visitor.page.get_by_label("Password").fill("wrong")
        await visitor.page.keyboard.press("Enter")
        fault = "The server for calls does not accept this user name and password."
        await expect(visitor.part("login-fault")).to_have_text(fault)
        await expect(username).to_have_value(NAME)
        await expect(visitor.part("login-password")).to_be_focused()
        await visitor.look("login-refused")
        await visitor.page.keyboard.type(PASSWORD)
        await visitor.page.keyboard.press("Enter")
        await expect(visitor.part("connection")).to_have_attribute("data-state", "connected")
        await expect(form).to_be_hidden()
        await expect(visitor.part("notices")).to_be_empty()
        assert await visitor.uid() == NAME
        # kept for the tab, and only there
        await visitor.page.reload()
        await expect(visitor.part("connection")).to_have_attribute("data-state", "connected")
        assert await visitor.uid() == NAME
        assert PASSWORD not in await visitor.page.evaluate("() => JSON.stringify(localStorage)")
        await visitor.button("Log out").click()
        await expect(form).to_be_visible()
        assert await visitor.uid() != NAME


async def test_page_login_that_is_dismissed_opens_by_its_button(
    strict_broker: Mosquitto, browser: Browser
) -> None:
    """In Chinese, on a telephone."""
    async with (
        serving(strict_broker) as url,
        visiting(browser, url, state="reconnecting", language="zh-CN", size=NARROW) as visitor,
    ):
        await expect(visitor.part("login")).to_contain_text("用户名")
        await visitor.look("login-narrow-zh")
        await visitor.page.keyboard.press("Escape")
        await expect(visitor.part("login")).to_be_hidden()
        await visitor.look("login-dismissed-narrow-zh")
        await visitor.part("log-in-out").click()
        await expect(visitor.part("login-username")).to_be_focused()


async def test_page_with_uid_and_token_logs_in_by_itself(
    strict_broker: Mosquitto, browser: Browser
) -> None:
    """As `web.uid` and `web.token` say."""
    async with (
        serving(strict_broker, needs_login=True, **LOGIN) as url,
        visiting(browser, url) as visitor,
    ):
        assert await visitor.uid() == NAME
        await expect(visitor.part("login")).to_be_hidden()


async def test_page_whose_token_is_changed_logs_in_by_the_new_one(
    strict_broker: Mosquitto, browser: Browser
) -> None:
    now = {"broker": "/mqtt", "prefix": "callbox/v1", **LOGIN}
    async with (
        serving(strict_broker, **{**LOGIN, "token": "of last year"}) as url,
        visiting(browser, url, state="reconnecting") as visitor,
    ):
        await expect(visitor.part("login")).to_be_visible()
        await visitor.page.route("**/config.json", lambda route: route.fulfill(json=now))
        await expect(visitor.part("connection")).to_have_attribute("data-state", "connected")
        await expect(visitor.part("login")).to_be_hidden()


async def test_page_whose_server_goes_before_it_logs_in_by_a_new_token_waits_for_it(
    strict_broker: Mosquitto, browser: Browser
) -> None:
    now = {"broker": "/mqtt", "prefix": "callbox/v1", **LOGIN}
    missed = 0

    async def be_away_at_first(route: Route) -> None:
        nonlocal missed
        if missed < 2:
            # it is asked for, not yet gone to: only Chromium would try again by itself
            assert not route.request.is_navigation_request()
            missed += 1
            await route.abort("connectionrefused")
        else:
            await route.continue_()

    async with (
        serving(strict_broker, **{**LOGIN, "token": "of last year"}) as url,
        visiting(browser, url, state="reconnecting") as visitor,
    ):
        await expect(visitor.part("login")).to_be_visible()
        await visitor.page.route(url, be_away_at_first)
        await visitor.page.route("**/config.json", lambda route: route.fulfill(json=now))
        await expect(visitor.part("connection")).to_have_attribute("data-state", "connected")
        visitor.faults.clear()
    assert missed == 2


async def test_page_whose_session_has_ended_renews_it(
    mosquitto: Mosquitto, browser: Browser
) -> None:
    """In a browser that sends the session's cookie along with a WebSocket, and no password."""
    refused = 0

    async def only_with_session(context: BrowserContext) -> None:
        async def open_or_refuse(route: WebSocketRoute) -> None:
            nonlocal refused
            if await context.cookies():
                route.connect_to_server()
            else:
                refused += 1
                await route.close(code=1008)

        await context.route_web_socket("**/mqtt", open_or_refuse)

    async with (
        serving(mosquitto, password=PAGE_PASSWORD) as url,
        visiting(browser, url, password=PAGE_PASSWORD, prepare=only_with_session) as visitor,
    ):
        assert refused == 0
        await visitor.page.context.clear_cookies()
        mosquitto.kill()
        connection = visitor.part("connection")
        await expect(connection).to_have_attribute("data-state", "reconnecting")
        mosquitto.start()
        await expect(connection).to_have_attribute("data-state", "connected")
        # the browser was asked for the password it already has
        visitor.faults.clear()
    assert refused > 0
