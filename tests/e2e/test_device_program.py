"""The program around the calls: settings, rules, camera and broker that change or are not there."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest

from tests.conftest import Mosquitto
from tests.e2e.device import Program, Watcher, call, configuration, device, record_of, watching

pytestmark = [pytest.mark.broker, pytest.mark.media]


async def test_policy_is_reloaded_and_a_bad_file_keeps_the_old_rules(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    rules = tmp_path / "policy.toml"
    rules.write_text('[[rule]]\nname = "nobody"\naction = "reject"\n')
    policy = f'[policy]\nfile = "{rules}"\n'
    async with device(tmp_path, mosquitto, watcher, policy=policy) as program:
        rules.write_text('[[rule]]\nname = "nobody"\naction = "perhaps"\n')
        watcher.publish("door-1/command/reload", {"id": "bad"})
        bad = await watcher.wait("door-1/events/command_result", lambda body: body["id"] == "bad")
        refused, _ = await (await call(tmp_path, mosquitto, "--seconds", "1")).finish()
        rules.write_text('[[rule]]\nname = "everybody"\naction = "accept"\n')
        program.signal(signal.SIGHUP)
        # the next thing that it handles
        watcher.publish("door-1/command/policy", {"id": "after", "override": None})
        await watcher.wait("door-1/events/command_result", lambda body: body["id"] == "after")
        accepted, _ = await (await call(tmp_path, mosquitto, "--seconds", "1")).finish()
    assert (bad["ok"], bad["code"]) == (False, "configuration")
    assert str(rules) in bad["message"]
    assert "perhaps" in bad["message"]
    assert (refused, accepted) == (3, 0)


async def test_override_for_a_while(tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher) -> None:
    async with device(tmp_path, mosquitto, watcher):
        for override, code in (("reject", 3), (None, 0)):
            mark = len(watcher.messages)
            watcher.publish("door-1/command/policy", {"override": override})
            await watcher.wait("door-1/events/command_result", after=mark)
            assert (await (await call(tmp_path, mosquitto, "--seconds", "1")).finish())[0] == code


async def test_missing_camera_is_told_and_the_device_stays(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    config = configuration(tmp_path, mosquitto.port)
    config.write_text(
        config.read_text().replace('"pattern"\nwidth', f'"file:{tmp_path}/none.mp4"\nwidth')
    )
    program = await Program.start(tmp_path / "door.log", "run", "--config", str(config))
    try:
        await watcher.wait("door-1/status", lambda body: body["state"] == "online")
        for _ in range(2):
            code, output = await (await call(tmp_path, mosquitto)).finish()
            assert (code, record_of(output)["callStatus"]) == (3, "REJECTED")
        closed = await watcher.wait("door-1/events/closed")
        error = await watcher.wait("door-1/events/error")
    finally:
        await program.end()
    assert closed["reason"] == "no_user_media"
    assert "none.mp4" in error["message"]


async def test_wrong_configuration_exits_78_with_every_fault(tmp_path: Path) -> None:
    config = tmp_path / "callbox.toml"
    config.write_text(
        'uid = "a b"\n[mqtt]\nport = 99999\nprot = 1\n[[policy.rule]]\nname="x"\naction="maybe"\n'
    )
    for command in ("run", "check"):
        program = await Program.start(tmp_path / f"{command}.log", command, "--config", str(config))
        code, _ = await program.finish()
        assert code == 78
        for word in (str(config), "uid", "a b", "mqtt.port", "99999", "mqtt.prot", "maybe"):
            assert word in program.log(), f"{command} does not name {word}: {program.log()}"


async def test_broker_that_is_not_there_yet(tmp_path: Path, mosquitto: Mosquitto) -> None:
    mosquitto.stop()
    config = configuration(tmp_path, mosquitto.port)
    program = await Program.start(tmp_path / "door.log", "run", "--config", str(config))
    try:
        while "refused" not in program.log().lower():  # it has tried
            assert program.process.returncode is None
            # its log is a file: there is nothing to wait for
            await asyncio.sleep(0.02)
        mosquitto.start()
        async with watching(mosquitto) as watcher:
            await watcher.wait("door-1/status", lambda body: body["state"] == "online")
            code, _ = await (await call(tmp_path, mosquitto, "--seconds", "1")).finish()
    finally:
        await program.end()
    assert code == 0
    assert program.log().lower().count("refused") == 1, program.log()


async def test_calls_that_cannot_begin(tmp_path: Path, mosquitto: Mosquitto) -> None:
    cases = [
        (("call", "no/uid", "--broker", f"mqtt://127.0.0.1:{mosquitto.port}"), 78, "no/uid"),
        (("call", "door-1", "--broker", "http://127.0.0.1"), 78, "not http://"),
        (
            (
                "call",
                "door-1",
                "--broker",
                f"mqtt://127.0.0.1:{mosquitto.port}",
                "--record",
                "/nowhere/x.mkv",
            ),
            6,
            "nowhere",
        ),
        (
            (
                "call",
                "door-1",
                "--broker",
                f"mqtt://127.0.0.1:{mosquitto.port}",
                "--audio",
                "nonsense",
            ),
            78,
            "--audio: 'nonsense'",
        ),
    ]
    for number, (arguments, code, word) in enumerate(cases):
        program = await Program.start(tmp_path / f"{number}.log", *arguments)
        assert (await program.finish())[0] == code, program.log()
        assert word in program.log()
        assert "Traceback" not in program.log()


async def test_policy_is_explained(tmp_path: Path, mosquitto: Mosquitto) -> None:
    rule = (
        '[[policy.rule]]\nname = "by day"\ncallers = ["front-*"]\nhours = '
        '"07:00-22:00"\naction = "accept"\n'
    )
    config = configuration(tmp_path, mosquitto.port, policy=rule)
    arguments = ["policy", "explain", "--config", str(config), "--caller", "front-desk", "--json"]
    for at, action in (("2026-11-22T12:00", "accept"), ("2026-11-22T23:00", "reject")):
        program = await Program.start(tmp_path / "explain.log", *arguments, "--at", at)
        code, output = await program.finish()
        assert (code, json.loads(output)["action"]) == (0, action)
