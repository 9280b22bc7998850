"""The files of config/examples, used as their README says."""

from __future__ import annotations

import asyncio
import http.server
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import expect

from agent.web.bundle import fetch
from tests.e2e.browser import chromium
from tests.e2e.device import Program
from tests.free_ports import free_port
from tests.parts import require_part
from tests.waiting import PATIENCE, until_listening

EXAMPLES = Path(__file__).parent.parent.parent / "config/examples"
WEB = Path(__file__).parent.parent.parent / "agent/web"
PASSWORDS = {"door-1": "secret-of-the-door", "front-desk": "secret-of-the-desk"}

pytestmark = [pytest.mark.broker, pytest.mark.browser, pytest.mark.media]


class Site:
    """A folder with the example's broker, its rules and passwords, and a device of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.web_port = free_port(), free_port()
        self.config = folder / "door.toml"
        self.config.write_text(
            f'uid = "door-1"\nstate_directory = "{folder}/state"\n'
            f'[mqtt]\nport = {self.port}\nusername = "door-1"\n'
            f'password = "{PASSWORDS["door-1"]}"\n'
            '[video]\nsource = "pattern"\n[audio]\ncapture = "pattern"\nplayback = "none"\n'
            '[[policy.rule]]\nname = "desk"\ncallers = ["front-desk"]\naction = "accept"\n'
        )
        text = (EXAMPLES / "mosquitto.conf").read_text()
        text = text.replace("listener 1883", f"listener {self.port}")
        text = text.replace("listener 9001", f"listener {self.web_port}")
        # as root it would give up its rights, and could not read a test's files
        (folder / "mosquitto.conf").write_text(f"user root\n{text}")
        acl = subprocess.run(
            [sys.executable, "-m", "agent", "acl", "mosquitto", "--config", self.config],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        # the front desk is a caller, whom the pattern of the rules lets in
        (folder / "callbox.acl").write_text(acl)
        create = ["-c"]
        for name, password in PASSWORDS.items():
            arguments = ["-b", *create, "passwords", name, password]
            subprocess.run(["mosquitto_passwd", *arguments], cwd=folder, check=True)
            create = []


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    program = require_part("mosquitto", "mosquitto")
    made = Site(tmp_path)
    broker = subprocess.Popen([program, "-c", "mosquitto.conf"], cwd=tmp_path)
    for port in (made.port, made.web_port):
        until_listening(broker, port)
    yield made
    broker.terminate()
    broker.wait(PATIENCE)


@asynccontextmanager
async def door(site: Site) -> AsyncIterator[None]:
    """The device, when it says that it is there."""
    device = await Program.start(site.folder / "door.log", "run", "--config", str(site.config))
    try:
        listener = await asyncio.create_subprocess_exec(
            *("mosquitto_sub", "-p", str(site.port), "-u", "door-1"),
            *("-P", PASSWORDS["door-1"], "-t", "callbox/v1/door-1/status", "-C", "1", "-W", "60"),
            stdout=asyncio.subprocess.PIPE,
        )
        told, _ = await listener.communicate()
        assert json.loads(told)["state"] == "online"
        yield
    finally:
        await device.end()


async def test_python_caller_sees_pictures(site: Site) -> None:
    url = f"mqtt://front-desk:{PASSWORDS['front-desk']}@127.0.0.1:{site.port}"
    async with door(site):
        caller = await asyncio.create_subprocess_exec(
            *(sys.executable, "-u", EXAMPLES / "caller.py", url, "door-1"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await caller.communicate()
    assert caller.returncode == 0, told
    text = told.decode()
    assert "answered: ACCEPTED" in text
    assert "pictures/s" in text
    assert text.rstrip().endswith("closed: user_hangup")


async def test_page_of_ones_own_shows_the_picture(site: Site) -> None:
    shutil.copy(EXAMPLES / "page.html", site.folder)
    shutil.copy(fetch(), site.folder)
    shutil.copy(WEB / "conversation.js", site.folder)
    settings = {
        "broker": f"ws://127.0.0.1:{site.web_port}",
        "uid": "front-desk",
        "token": PASSWORDS["front-desk"],
        "device": "door-1",
    }
    (site.folder / "settings.json").write_text(json.dumps(settings))
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(site.folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        async with door(site), chromium() as browser:
            page = await browser.new_page()
            page.set_default_timeout(PATIENCE * 1000)
            await page.goto(f"http://127.0.0.1:{server.server_port}/page.html")
            await expect(page.locator("#state")).to_have_text("ACCEPTED", timeout=60_000)
            await page.wait_for_function("picture.videoWidth > 0", timeout=60_000)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_turnserver_starts_with_the_example(tmp_path: Path) -> None:
    program = require_part("turnserver", "coturn")
    port = free_port()
    text = (EXAMPLES / "turnserver.conf").read_text()
    text = text.replace("listening-port=3478", f"listening-port={port}\nlistening-ip=127.0.0.1")
    (tmp_path / "turnserver.conf").write_text(text)
    server = subprocess.Popen(
        [program, "-c", "turnserver.conf", "--log-file=stdout", f"--pidfile={tmp_path / 'pid'}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=tmp_path,
    )
    try:
        until_listening(server, port)
    finally:
        server.terminate()
        told, _ = server.communicate()
    assert b"example.org" in told
    assert b"Bad configuration" not in told
    assert b"nknown" not in told
