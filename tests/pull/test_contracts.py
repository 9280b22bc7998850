"""What the clients of other projects send, in their order, and what they take for an answer."""

from __future__ import annotations

from dataclasses import replace

from agent.core.call import events as ev
from agent.core.call.machine import Timing
from agent.core.call.reasons import CloseReason
from agent.core.call.values import IceCandidate
from tests.fakes.manual_clock import ManualClock
from tests.parties import FAST
from tests.pull.scene import OFFER, pulled
from tests.waiting import until

HOST = "1 1 udp 2130706431 192.0.2.9 50000 typ host"


async def test_mediamtx_asks_first_trickles_and_says_goodbye() -> None:
    """`internal/protocols/whip/client.go`: it trickles where PATCH is allowed, and then wants an
    entity tag; PATCH must give 204, DELETE 200. The prefix of a candidate stands there twice.
    """
    async with pulled() as scene:
        asked = await scene.ask("OPTIONS", "/whep")
        assert asked.status in (200, 204)
        methods = dict(asked.headers)["Access-Control-Allow-Methods"]
        assert "PATCH" in [each.strip() for each in methods.split(",")]
        links = [value for name, value in asked.headers if name == "Link"]
        assert all(each.startswith("<") and '>; rel="ice-server"' in each for each in links)

        answer = await scene.ask("POST", "/whep", OFFER, Content_Type="application/sdp")
        headers = dict(answer.headers)
        assert (answer.status, headers["Content-Type"]) == (201, "application/sdp")
        fragment = (
            "m=video 9 UDP/TLS/RTP/SAVPF 105\r\na=mid:0\r\na=ice-ufrag:theirs\r\na=ice-pwd:x\r\n"
            f"a=candidate:candidate:{HOST}\r\n"
        )
        for _ in range(2):
            patched = await scene.ask(
                "PATCH",
                headers["Location"],
                fragment,
                Content_Type="application/trickle-ice-sdpfrag",
                If_Match=headers["ETag"],
            )
            assert patched.status == 204
        await until(lambda: len(scene.peers.last.candidates) == 2)
        assert scene.peers.last.candidates[0] == IceCandidate(f"candidate:{HOST}", "0")
        assert (await scene.ask("DELETE", headers["Location"])).status == 200
        await until(lambda: not scene.client.conversations)


async def test_go2rtc_by_whep_never_says_goodbye_and_is_ended_by_silence() -> None:
    """`internal/webrtc/client.go`, `whepClient`: one POST, and nothing ever after."""
    options = replace(FAST, monotonic=ManualClock(), timing=Timing(lost=0.0, hold=0.0))
    async with pulled(options=options) as scene:
        answer, view = await scene.open()
        assert answer.body.startswith(b"answer 0")
        await scene.connected(view)
        scene.peers.last.emit(ev.PeerSilent(0, 3.0))
        record = await view.wait_closed()
        assert (record.reason, record.closed_by) == (CloseReason.ICE_TIMEOUT, "local")
        assert scene.channel.find(view.id) is None
        await until(lambda: scene.peers.last.closed)
        # nothing was offered that could not be taken
        assert len(scene.peers.made) == 1
