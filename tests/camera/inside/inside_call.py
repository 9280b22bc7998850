"""Whole calls: `callbox run` with the camera, `callbox call`, and a broker outside of the
chroot.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import av
import pytest

from agent.h264.parameter_sets import sequence_parameters, signaled_profile
from tests.conftest import Mosquitto
from tests.e2e.device import ACCEPT_ALL, ALL_COMMANDS, Program, Watcher, record_of, watching

PORT = int(os.environ["TEST_BROKER_PORT"])
UID = "camera-door"
PATIENCE = 60.0

pytestmark = pytest.mark.skipif(
    not PORT, reason="mosquitto is not installed (apt-get install mosquitto)"
)


@asynccontextmanager
async def device(folder: Path, camera: str = "") -> AsyncIterator[tuple[Program, Watcher]]:
    """A device with the virtual camera, online, and somebody who sees all that is published."""
    config = folder / "camera-door.toml"
    config.write_text(
        f'uid = "{UID}"\nstate_directory = "{folder}/state"\n{ALL_COMMANDS}[mqtt]\nport = '
        f'{PORT}\n[video]\nsource = "picamera2"\n'
        f"width = 640\nheight = 360\nbitrate = 800_000\n[camera]\n{camera}\n[audio]\ncapture = "
        f'"none"\n'
        "[stats]\ninterval = 0.5\n" + ACCEPT_ALL
    )
    async with watching(cast("Mosquitto", SimpleNamespace(port=PORT))) as watcher:
        start = len(watcher.messages)
        log = (folder / "device.log").open("ab")
        with log:
            process = await asyncio.create_subprocess_exec(
                *[
                    sys.executable,
                    "-m",
                    "tests.camera.inside.virtual_device",
                    "run",
                    "--config",
                    str(config),
                ],
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        program = Program(process, folder / "device.log")
        try:
            await watcher.wait(f"{UID}/status", lambda body: body["state"] == "online", after=start)
            yield program, watcher
        except TimeoutError:
            print(program.log())
            raise
        finally:
            await program.end()


async def place_call(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    url = f"mqtt://127.0.0.1:{PORT}"
    caller = await Program.start(
        folder / "call.log", "call", UID, "--broker", url, "--json", *arguments
    )
    code, output = await caller.finish()
    return code, record_of(output)


async def test_a_call_with_the_camera_and_a_snapshot_in_the_middle(tmp_path: Path) -> None:
    recording = tmp_path / "call.mkv"
    async with device(tmp_path) as (program, watcher):
        calling = asyncio.create_task(
            place_call(tmp_path, "--seconds", "3", "--record", str(recording))
        )
        await watcher.wait(f"{UID}/events/local_stats")
        watcher.publish(f"{UID}/command/snapshot", {"id": "picture"})
        result = await watcher.wait(
            f"{UID}/events/command_result", lambda body: body["id"] == "picture"
        )
        code, record = await calling
        closed = await watcher.wait(f"{UID}/events/closed")
        about = await watcher.wait(f"{UID}/about")
    assert (code, record["reason"]) == (0, "user_hangup")
    assert record["video"]["framesReceived"] > 5
    assert (closed["video"]["frameWidth"], closed["video"]["frameHeight"]) == (640, 360)
    assert "snapshot" in about["commands"]
    assert "Traceback" not in program.log(), program.log()
    assert_snapshot(result)
    assert_profile_is_signaled(watcher, recording)


def assert_snapshot(result: dict[str, Any]) -> None:
    assert (result["ok"], result["contentType"]) == (True, "image/jpeg")
    assert len(result["data"]) <= 48 * 1024
    with av.open(io.BytesIO(base64.b64decode(result["data"])), "r", format="mjpeg") as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height) == (result["width"], result["height"]) == (640, 360)


def assert_profile_is_signaled(watcher: Watcher, recording: Path) -> None:
    """The device's description prefers the profile and level of the stream itself."""
    answers = [
        json.dumps(each.body)
        for each in watcher.messages
        if "profile-level-id" in json.dumps(each.body)
    ]
    with av.open(str(recording), "r") as container:
        stream = container.streams.video[0]
        packet = next(container.demux(stream))
        sent = sequence_parameters(bytes(packet)) or sequence_parameters(
            _annexb(stream.codec_context.extradata or b"")
        )
    with av.open(str(recording), "r") as container:
        frames = sum(1 for _ in container.decode(video=0))
    assert sent is not None
    assert sent.profile_level_id.startswith("42c0")
    assert frames > 5
    preferred = [re.findall(r"profile-level-id=(\w{6})", each)[0] for each in answers]
    assert signaled_profile(sent.profile_level_id) in preferred


def _annexb(extradata: bytes) -> bytes:
    """The parameter sets of an AVCDecoderConfigurationRecord, where it is one."""
    if extradata[:1] != b"\x01":
        return extradata
    length = int.from_bytes(extradata[6:8], "big")
    return b"\x00\x00\x00\x01" + extradata[8 : 8 + length]


async def test_a_camera_that_is_not_there_refuses_the_call_and_the_device_stays(
    tmp_path: Path,
) -> None:
    async with device(tmp_path, "number = 3") as (program, watcher):
        code, record = await place_call(tmp_path)
        closed = await watcher.wait(f"{UID}/events/closed")
        error = await watcher.wait(f"{UID}/events/error")
        assert (code, record["callStatus"]) == (3, "REJECTED")
        assert closed["reason"] == "no_user_media"
        assert "No camera number 3" in error["message"]
        watcher.publish(f"{UID}/command/snapshot", {"id": "picture"})
        result = await watcher.wait(
            f"{UID}/events/command_result", lambda body: body["id"] == "picture"
        )
    assert (result["ok"], result["code"]) == (False, "failed")
    assert "No camera number 3" in result["message"]
    assert program.process.returncode == 0
