"""Calls that need a TURN server: one that works, with Chromium at the other end, and one that does
not.
"""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription

from agent.core.call.events import IceServer
from agent.webrtc.ice.ice_servers import time_limited
from tests.conftest import Mosquitto
from tests.e2e.browser import calling, chromium
from tests.e2e.device import Watcher, device
from tests.faults.stranger import Stranger
from tests.free_ports import free_port
from tests.turnserver import turn_server
from tests.waiting import until

pytestmark = [pytest.mark.broker, pytest.mark.media]

SECRET = "north-star"


def relay_only(url: str) -> str:
    """Settings of a device that may only be reached through this server."""
    return (
        f'[ice]\ntransport_policy = "relay"\nservers = [{{urls = "{url}", secret = "{SECRET}"}}]\n'
    )


@pytest.mark.browser
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_chromium_through_relays_alone(
    transport: str, tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    with turn_server(secret=SECRET) as turn:
        url = f"turn:{turn.address}?transport={transport}"
        theirs = time_limited(IceServer((url,), "browser", secret=SECRET), time.time())
        entry = {"urls": url, "username": theirs.username, "credential": theirs.credential}
        async with (
            device(tmp_path, mosquitto, watcher, relay_only(url)) as program,
            chromium() as browser,
            calling(browser, mosquitto) as caller,
        ):
            conversation = await caller.invite(
                configuration={"iceServers": [entry], "iceTransportPolicy": "relay"}, measure=False
            )
            answer = await caller.wait("response")
            await caller.until("caller.seen.frames > 20")
            await caller.hang_up()
            record = await watcher.wait(
                "door-1/events/closed", lambda body: body["conversation"] == conversation
            )
            assert SECRET not in program.log()
            assert str(theirs.credential) not in program.log()
    assert "a=candidate" not in answer["sdp"], "answered before the relay was there"
    assert record["path"] == {
        "local": "relay",
        "remote": "relay",
        "protocol": "udp",
        "relayed": True,
    }
    assert record["reason"] == "user_hangup"


async def test_relay_serves_renewals_and_a_server_of_the_caller_is_not_asked(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """Under `relay` the device's address is hidden, whatever a caller brings."""
    with turn_server(secret=SECRET) as turn:
        url = f"turn:{turn.address}"
        theirs = time_limited(IceServer((url,), "caller", secret=SECRET), time.time())
        entry = {"urls": url, "username": theirs.username, "credential": theirs.credential}
        configuration = RTCConfiguration([RTCIceServer(url, theirs.username, theirs.credential)])
        trap = socket.create_server(("127.0.0.1", 0))
        trap.setblocking(False)
        entry["urls"] = f"turn:127.0.0.1:{trap.getsockname()[1]}?transport=tcp"
        extra = relay_only(url)
        async with (
            device(tmp_path, mosquitto, watcher, extra),
            Stranger.calling(watcher, "caller", RTCPeerConnection(configuration)) as caller,
            Stranger.calling(watcher, "caller", RTCPeerConnection(configuration)) as moved,
        ):
            await caller.invite(iceServers=[entry])
            await caller.connected()
            caller.say("offer", generation=1, sdp=await moved.offer())
            answer = await caller.heard("answer", generation=1)
            await moved.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
            await moved.connected()
            # the device has moved, and left the old one
            await until(lambda: caller.pc.connectionState == "closed")
            caller.close()
            record = await caller.closed()
        with trap, pytest.raises(BlockingIOError):
            trap.accept()
    assert (record["path"]["local"], record["reconnects"]) == ("relay", 1)


async def test_a_relay_that_is_not_there_is_told(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """Called or calling: the call ends as soon as it is known, and says by whose fault."""
    url = f"turn:127.0.0.1:{free_port()}?transport=tcp"
    async with (
        device(tmp_path, mosquitto, watcher, relay_only(url)),
        Stranger.calling(watcher, "caller") as caller,
    ):
        answer = await caller.invite()
        assert answer["callStatus"] == "ACCEPTED"
        assert (await caller.heard("close"))["reason"] == "ice_failed"
        assert (await caller.closed())["reason"] == "ice_failed"
        watcher.publish("door-1/command/call", {"to": ["friend"], "lifetime": 30})
        called = await watcher.wait(
            "door-1/events/closed", lambda body: body["direction"] == "outgoing"
        )
        assert called["reason"] == "ice_failed"
        errors = [each for each in watcher.events() if each["event"] == "error"]
    assert [each["code"] for each in errors] == ["no_candidates", "no_candidates"]
    assert all(f"{url} gives no candidate: " in each["message"] for each in errors)
