"""The contract of foreign stacks: each calls a device, and is called by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Mosquitto
from tests.e2e.device import Watcher, device
from tests.foreign.line import DOOR, Line
from tests.foreign.lossy_path import lossy_path
from tests.foreign.stack import STACKS, Kind, Stack, running

pytestmark = [pytest.mark.broker, pytest.mark.media]

CALLER = "foreign"
OPERATOR = 'commands = ["call", "close"]\n'


def further(*names: str) -> pytest.MarkDecorator:
    """All stacks, those of these names in `make test-all` alone."""
    return pytest.mark.parametrize(
        "kind",
        [
            pytest.param(
                kind, id=kind.name, marks=[pytest.mark.further_case] if kind.name in names else []
            )
            for kind in STACKS
        ],
        indirect=True,
    )


@pytest.fixture(params=STACKS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    # says what is missing before a device is started
    chosen.command("offer")
    return chosen


async def flows(stack: Stack, kind: Kind, watcher: Watcher, line: Line) -> None:
    """Picture and sound both ways, as far as the stack sends them, and a key frame when asked."""
    await stack.wait("connected")
    await stack.wait("media", kind="video")
    await stack.wait("media", kind="audio")
    await stack.wait("key_frame")
    wanted = {"audio", "video"} if kind.can("sends video") else {"audio"}
    await watcher.wait(
        f"{DOOR}/events/stream_received",
        lambda body: (
            body["conversation"] == line.conversation
            and wanted <= {track["kind"] for track in body["tracks"]}
        ),
    )
    await asks_for_key_frame(stack, "key_frame")
    if kind.can("asks by FIR"):
        await asks_for_key_frame(stack, "full_intra_request")
        await watcher.wait(
            f"{DOOR}/events/local_stats", lambda body: body.get("video", {}).get("firCount", 0) > 0
        )


async def asks_for_key_frame(stack: Stack, ask: str) -> None:
    before = stack.count("key_frame")
    await stack.do(ask)
    await stack.wait("key_frame", at_least=before + 1)


async def test_stack_calls_a_device(
    kind: Kind, tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    line = Line(watcher, CALLER)
    async with (
        device(tmp_path, mosquitto, watcher),
        running(kind, "offer", tmp_path / "stack.log") as stack,
    ):
        line.invite((await stack.wait("offer"))["sdp"])
        response = await line.heard("response")
        assert response["callStatus"] == "ACCEPTED", response
        await stack.do("describe", sdp=response["sdp"])
        await flows(stack, kind, watcher, line)
        line.send("close", reason="user_hangup")
        record = await line.closed()
    assert (record["reason"], record["closedBy"]) == ("user_hangup", "remote")
    assert record["video"]["pliCount"] >= 1


async def test_stack_is_called_by_a_device(
    kind: Kind, tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    line = Line(watcher, CALLER)
    async with (
        device(tmp_path, mosquitto, watcher),
        running(kind, "answer", tmp_path / "stack.log") as stack,
    ):
        watcher.publish(f"{DOOR}/command/call", {"to": [CALLER]})
        invite = await line.heard("invite")
        line.conversation = invite["conversation"]
        await stack.do("describe", sdp=invite["sdp"])
        answer = await stack.wait("answer")
        line.send("response", callStatus="ACCEPTED", sdp=answer["sdp"])
        await flows(stack, kind, watcher, line)
        watcher.publish(f"{DOOR}/command/close", {"conversation": line.conversation})
        assert (await line.heard("close"))["reason"] == "user_hangup"
        record = await line.closed()
    assert (record["reason"], record["closedBy"]) == ("user_hangup", "local")


@further("chromium", "firefox")
async def test_stack_gets_a_fresh_transport(
    kind: Kind, tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """It offers a new generation with a second peer connection, as after a change of network."""
    line = Line(watcher, CALLER)
    async with (
        device(tmp_path, mosquitto, watcher),
        running(kind, "offer", tmp_path / "first.log") as first,
        running(kind, "offer", tmp_path / "second.log") as second,
    ):
        line.invite((await first.wait("offer"))["sdp"])
        await first.do("describe", sdp=(await line.heard("response"))["sdp"])
        await first.wait("media", kind="video")
        line.send("offer", generation=1, sdp=(await second.wait("offer"))["sdp"])
        await second.do("describe", sdp=(await line.heard("answer"))["sdp"])
        await flows(second, kind, watcher, line)
        line.send("close", reason="user_hangup")
        record = await line.closed()
    assert record["reconnects"] == 1


@further("firefox", "libdatachannel", "pion", "werift")
async def test_stack_shows_pictures_over_a_path_that_loses_some(
    kind: Kind, tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    line = Line(watcher, CALLER)
    async with (
        device(tmp_path, mosquitto, watcher),
        running(kind, "offer", tmp_path / "stack.log") as stack,
    ):
        offer = (await stack.wait("offer"))["sdp"]
        async with lossy_path(offer) as path:
            line.invite(path.from_second(offer))
            response = await line.heard("response")
            await stack.do("describe", sdp=path.from_first(response["sdp"]))
            await stack.wait("picture")
            await watcher.wait(
                f"{DOOR}/events/local_stats",
                lambda body: path.lost > 10 and heals(kind, body.get("video", {})),
            )
            await asks_for_key_frame(stack, "key_frame")
            line.send("close", reason="user_hangup")
            await line.closed()


def heals(kind: Kind, video: dict[str, Any]) -> bool:
    if kind.can("gets lost packets again"):
        return bool(video.get("nackCount") and video.get("retransmittedPacketsSent"))
    return bool(video.get("packetsSent"))
