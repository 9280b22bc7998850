"""A dozen screens of one household at one device, and a broker that knows its users."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from agent.commands.acl import Around, BrokerKind
from agent.commands.acl_formats import rules
from tests.conftest import Mosquitto
from tests.homeassistant.component import COMPONENT
from tests.homeassistant.conftest import Start
from tests.homeassistant.home import HomeAssistant
from tests.homeassistant.installation import Installation
from tests.homeassistant.integration import LABS, at_home
from tests.parts import require_part

pytestmark = [
    pytest.mark.homeassistant,
    pytest.mark.broker,
    pytest.mark.media,
    pytest.mark.further_case,
]
SCREENS = 12


@pytest.fixture(scope="module")
def home(installation: Installation, home_broker: Mosquitto, start_home: Start) -> HomeAssistant:
    return start_home(installation, mqtt_port=home_broker.port, custom=[COMPONENT], labs=LABS)


async def test_dozen_screens_see_at_once_and_the_next_hears_why_not(
    tmp_path: Path, home: HomeAssistant, home_broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLBOX_MAX_VIEWERS", f"{SCREENS}")
    async with (
        at_home(tmp_path, home, home_broker, "door-12") as scene,
        AsyncExitStack() as stack,
    ):
        players = [scene.player() for _ in range(SCREENS)]
        await asyncio.gather(*(stack.enter_async_context(each) for each in players))
        await asyncio.gather(*(each.picture() for each in players))
        times = sorted(each.times["video"] for each in players)
        print(f"{SCREENS} screens: pictures after {times[0]:.2f} to {times[-1]:.2f} s")
        async with scene.player() as late:
            assert (await late.refusal())["code"] == "max_viewers"
        await scene.until_issues("max_viewers")
        health = await scene.watcher.wait("door-12/health", lambda body: "counters" in body)
        assert health["counters"].get("throttledMessages", 0) == 0
        assert "faster than" not in scene.program.log()


def write_rules(folder: Path, uid: str, *lines: str) -> Path:
    """What `callbox acl mosquitto` prints, for nobody who watches all, and `lines` for our own."""
    said = rules(BrokerKind.MOSQUITTO, Around(uid, uid))
    head = "user homeassistant\n"
    assert head in said
    said = said.replace(head, head + "".join(f"{line}\n" for line in lines))
    path = folder / "acl"
    path.write_text(f"topic readwrite #\n{said}")
    path.chmod(0o600)
    return path


def write_passwords(folder: Path, *users: str) -> Path:
    path = folder / "passwords"
    path.touch(0o600)
    for user in users:
        command = [require_part("mosquitto_passwd"), "-b", str(path), user, f"secret of {user}"]
        subprocess.run(command, check=True, capture_output=True)
    return path


async def test_access_rules_suffice_and_without_them_it_says_which_are_missing(
    tmp_path: Path,
    installation: Installation,
    start_home: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uid = "door-acl"
    acl, passwords = write_rules(tmp_path, uid), write_passwords(tmp_path, uid, "homeassistant")
    broker = Mosquitto(tmp_path, lines=(f"acl_file {acl}", f"password_file {passwords}"))
    broker.start()
    monkeypatch.setenv("CALLBOX_MQTT__USERNAME", uid)
    monkeypatch.setenv("CALLBOX_MQTT__PASSWORD", f"secret of {uid}")
    user = ("homeassistant", "secret of homeassistant")
    try:
        home = await asyncio.to_thread(
            start_home,
            installation,
            mqtt_port=broker.port,
            user=user,
            custom=[COMPONENT],
            labs=LABS,
        )
        async with at_home(tmp_path, home, broker, uid) as scene:
            async with scene.player() as view:
                await view.picture()
            async with scene.player(talk=True) as talk:
                await talk.picture()
            write_rules(tmp_path, uid, f"topic deny callbox/v1/{uid}/signal/homeassistant")
            os.kill(broker.pid, signal.SIGHUP)
            async with scene.player() as player:
                assert (await player.refusal())["code"] == "no_answer"
            await scene.until_issues("no_answer")
    finally:
        broker.stop()
