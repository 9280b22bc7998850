"""Commands whose terminal, reader or disk is gone, beside a device in a call."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import av
import pytest

from tests.conftest import Mosquitto
from tests.e2e.device import Program, Watcher, call, configuration, device
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.broker, pytest.mark.media]

# who runs the tests under nohup has SIGHUP ignored, and so has all that they start
WITHOUT_NOHUP = ("env", "--default-signal=HUP")


async def connected(caller: Program) -> None:
    """Until its first statistics of what arrives."""
    assert caller.process.stdout is not None
    async for line in caller.process.stdout:
        if json.loads(line)["event"] == "remote_stats":
            return
    raise AssertionError(caller.log())


def length(recording: Path) -> float:
    with av.open(str(recording)) as container:
        times = [float(frame.time or 0) for frame in container.decode(video=0)]
    return times[-1] - times[0]


@pytest.mark.parametrize("suffix", ["mkv", pytest.param("mp4", marks=pytest.mark.further_case)])
async def test_a_terminal_that_is_closed_leaves_a_whole_recording(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, suffix: str
) -> None:
    recording = tmp_path / f"call.{suffix}"
    async with device(tmp_path, mosquitto, watcher):
        record = ("--record", str(recording))
        caller = await call(tmp_path, mosquitto, *record, within=WITHOUT_NOHUP)
        await connected(caller)
        caller.signal(signal.SIGHUP)
        code, _ = await caller.finish()
        closed = await watcher.wait("door-1/events/closed")
    assert code == 0, caller.log()
    assert (closed["reason"], closed["closedBy"]) == ("user_hangup", "remote")
    assert length(recording) > 0.5


async def test_a_reader_that_has_gone_ends_the_call_with_a_line(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    recording = tmp_path / "call.mkv"
    async with device(tmp_path, mosquitto, watcher):
        caller = await call(tmp_path, mosquitto, "--record", str(recording))
        await connected(caller)
        caller.process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
        async with asyncio.timeout(PATIENCE):
            code = await caller.process.wait()
        closed = await watcher.wait("door-1/events/closed")
    assert code == 6
    assert closed["reason"] == "user_hangup"
    assert caller.log().strip() == "callbox: standard output: Broken pipe"
    assert length(recording) > 0.5


@pytest.mark.parametrize(
    "closed",
    ["2>&-", pytest.param("<&- >&- 2>&-", marks=pytest.mark.further_case)],
)
async def test_a_device_without_streams_takes_calls(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, closed: str
) -> None:
    config = configuration(tmp_path, mosquitto.port)
    script = f'exec "$0" -m agent run --config "$1" {closed}'
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", script, sys.executable, str(config)
    )
    try:
        await watcher.wait("door-1/status", lambda body: body["state"] == "online")
        code, _ = await (await call(tmp_path, mosquitto, "--seconds", "1")).finish()
    finally:
        process.terminate()
        ended = await process.wait()
    assert (code, ended) == (0, 0)


READ_ONLY = """
mount --make-rprivate / && findmnt -rno TARGET | while read -r each
do mount -o remount,bind,ro "$each" 2>/dev/null; done
touch "$3" 2>/dev/null && exit 99
unset XDG_RUNTIME_DIR TMPDIR
exec "$1" -m agent run --config "$2"
"""


@pytest.mark.netns
async def test_a_device_that_can_write_nowhere_takes_calls(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    config = configuration(tmp_path, mosquitto.port)
    log = tmp_path / "device.log"
    arguments = [sys.executable, str(config), str(tmp_path / "written")]
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            "unshare", "--mount", "bash", "-c", READ_ONLY, "bash", *arguments, stderr=file
        )
    try:
        await watcher.wait("door-1/status", lambda body: body["state"] == "online")
        code, _ = await (await call(tmp_path, mosquitto, "--seconds", "1")).finish()
    finally:
        if process.returncode is None:
            process.terminate()
        ended = await process.wait()
    text = log.read_text()
    assert (code, ended) == (0, 0), text
    assert "Traceback" not in text
    assert "`callbox status` will not work" in text
