"""The page comes back by itself when all that it needs was away and returns, in every order: its
server, the server's certificate, the broker, and the password that the broker wants. Nobody presses
anything.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.async_api import expect

from agent.web.bridge import BrokerAddress
from agent.web.server import PageServer
from agent.web.web_options import WebOptions
from tests.conftest import Mosquitto
from tests.e2e.browser import chromium
from tests.e2e.device import PREFIX
from tests.free_ports import free_port
from tests.parts import require_part
from tests.signaling.mqtt.certificates import Authority
from tests.waiting import PATIENCE
from tests.web.page_harness import HOST, Visitor, visiting

pytestmark = [pytest.mark.broker, pytest.mark.browser]

NAME = "front-desk"
BEFORE, NOW = "of last year", "of this year"
PARTS = ("server", "certificate", "broker", "token")
# each part is once the last to return; the others in `make test-all`
FIRST = {
    ("server", "certificate", "broker", "token"),
    ("certificate", "broker", "token", "server"),
    ("broker", "token", "server", "certificate"),
    ("token", "server", "certificate", "broker"),
}


class Surroundings:
    """What the page needs, each of which can be away."""

    def __init__(self, folder: Path) -> None:
        authority = Authority(folder)
        self._good = [authority.issue("page-1"), authority.issue("page-2")]
        self._expired = authority.issue("page-0", days=-1)
        self._used = (folder / "used.pem", folder / "used.key")
        self._use(self._good[0])
        self._passwords = folder / "passwords"
        self._passwords.touch(mode=0o600)
        self._token = BEFORE
        self.set_password(BEFORE)
        lines = (f"password_file {self._passwords}",)
        self.broker = Mosquitto(folder, lines=lines, allow_anonymous=False)
        self._port = free_port()
        self._server: PageServer | None = None
        self._loop = asyncio.get_running_loop()
        # config.json was read
        self.asked = asyncio.Event()
        self.there = set(PARTS)

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self._port}/"

    @property
    def trusted(self) -> str:
        """The keys of the good certificates, as Chromium wants them."""
        return ",".join(map(_fingerprint, self._good))

    async def start(self) -> None:
        certificate, key = self._used
        self._server = PageServer(
            WebOptions(HOST, self._port, certificate=certificate, key=key),
            BrokerAddress(HOST, self.broker.port, needs_login=True),
            self._configuration,
        )
        await self._server.__aenter__()

    async def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await server.__aexit__(None, None, None)

    async def fail(self) -> None:
        """All at once."""
        self.there.clear()
        self.broker.kill()
        self.set_password(NOW)
        self._use(self._expired)
        await self.stop()

    async def restore(self, part: str) -> None:
        self.there.add(part)
        self.asked.clear()
        if part == "server":
            await self.start()
        elif part == "certificate":
            self._use(self._good[1])
        elif part == "broker":
            await asyncio.to_thread(self.broker.start)
        else:
            self._token = NOW

    def set_password(self, password: str) -> None:
        program = require_part("mosquitto_passwd")
        subprocess.run([program, "-b", str(self._passwords), NAME, password], check=True)

    def _use(self, files: tuple[str, str]) -> None:
        for source, target in zip(files, self._used, strict=True):
            shutil.copyfile(source, f"{target}.new")
            Path(f"{target}.new").replace(target)

    def _configuration(self) -> dict[str, Any]:
        """In the server's own thread."""
        self._loop.call_soon_threadsafe(self.asked.set)
        login = {"uid": NAME, "username": NAME, "token": self._token}
        return {"prefix": PREFIX, "iceServers": [], **login}


def _fingerprint(files: tuple[str, str]) -> str:
    key = x509.load_pem_x509_certificate(Path(files[0]).read_bytes()).public_key()
    encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(encoded).digest()).decode()


@asynccontextmanager
async def surroundings(folder: Path) -> AsyncIterator[Surroundings]:
    made = Surroundings(folder)
    made.broker.start()
    try:
        await made.start()
        yield made
    finally:
        await made.stop()
        made.broker.kill()


async def seen_by(visitor: Visitor, around: Surroundings) -> None:
    """The page has met what there is by now, as far as that shows."""
    if {"server", "certificate"} <= around.there:
        async with asyncio.timeout(PATIENCE):
            await around.asked.wait()
    if around.there == {"server", "certificate", "broker"}:
        await expect(visitor.part("login")).to_be_visible()


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(
            each, id=" ".join(each), marks=[] if each in FIRST else [pytest.mark.further_case]
        )
        for each in itertools.permutations(PARTS)
    ],
)
async def test_page_recovers_by_itself_whatever_returns_first(
    order: tuple[str, ...], tmp_path: Path
) -> None:
    async with (
        surroundings(tmp_path) as around,
        chromium(f"--ignore-certificate-errors-spki-list={around.trusted}") as browser,
        visiting(browser, around.url) as visitor,
    ):
        connection = visitor.part("connection")
        await around.fail()
        await expect(connection).to_have_attribute("data-state", "reconnecting")
        for part in order:
            await expect(connection).not_to_have_attribute("data-state", "connected")
            await around.restore(part)
            await seen_by(visitor, around)
        await expect(connection).to_have_attribute("data-state", "connected")
        await expect(visitor.part("login")).to_be_hidden()
        await expect(visitor.part("notices")).to_be_empty()
        assert await visitor.uid() == NAME
        # that much was away
        visitor.faults.clear()
