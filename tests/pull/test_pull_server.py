"""The server in its thread: certificates, numbers, its end."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from agent.core.call.reasons import CloseReason
from agent.counts import RefusalCounts, RefusalKind
from agent.errors import ConfigurationError
from agent.pull.pull_server import PullServer
from agent.web.listener import ConnectionLimits
from agent.web.web_options import WebOptions
from tests.free_ports import free_port
from tests.pull.http_client import HOST, ask, read_reply
from tests.pull.scene import OFFER, OTHER, TOKEN, Scene, pulled
from tests.signaling.mqtt.certificates import Authority
from tests.waiting import PATIENCE, until

BEARER = f"Authorization: Bearer {TOKEN}"
SDP = "Content-Type: application/sdp"


@asynccontextmanager
async def served(
    scene: Scene, *, limits: ConnectionLimits | None = None, **options: Any
) -> AsyncIterator[int]:
    port = free_port()
    where = WebOptions(port=port, **options)
    async with PullServer(where, scene.desk, scene.channel, scene.main_loop, limits=limits):
        yield port


async def test_player_gets_its_answer_and_leaves() -> None:
    async with pulled() as scene, served(scene) as port:
        reply = await ask(port, "POST", "/whep", OFFER.encode(), SDP, BEARER)
        assert (reply.status, reply.body[:8]) == (201, b"answer 0")
        assert (await ask(port, "DELETE", reply["Location"], b"", BEARER)).status == 200
        await until(lambda: not scene.client.conversations)


async def test_go2rtc_gets_its_answer_on_the_same_port() -> None:
    async with pulled() as scene, served(scene) as port:
        target = f"ws://frigate:{TOKEN.replace(' ', '%20')}@{HOST}:{port}/api/ws?src=door-1"
        async with connect(target.replace("'", "%27")) as socket:
            await socket.send(json.dumps({"type": "webrtc/offer", "value": OFFER}))
            answer = json.loads(await socket.recv())
            assert answer["type"] == "webrtc/answer"
            scene.client.end_all(CloseReason.PRIVACY_MODE)
            # until it is closed
            said = [json.loads(text)["value"] async for text in socket]
            assert said[-1] == "webrtc/offer: privacy_mode"
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"ws://{HOST}:{port}/api/ws?src=door-1")
        assert caught.value.response.status_code == 401


async def test_certificate_serves_https(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = (Path(each) for each in authority.issue("door-1"))
    trusting = ssl.create_default_context(cafile=str(authority.file))
    async with pulled() as scene, served(scene, certificate=certificate, key=key) as port:
        reply = await ask(port, "POST", "/whep", OFFER.encode(), SDP, BEARER, tls=trusting)
        assert reply.status == 201


async def test_address_that_is_taken_is_a_fault(tmp_path: Path) -> None:
    async with pulled() as scene, served(scene) as port:
        options = WebOptions(port=port)
        with pytest.raises(ConfigurationError, match="cannot be served"):
            async with PullServer(options, scene.desk, scene.channel, scene.main_loop):
                pass


async def test_connections_are_bounded_and_those_that_hang_end_with_the_server() -> None:
    counts = RefusalCounts()
    limits = ConnectionLimits(in_all=2, counts=counts)
    async with pulled() as scene:
        async with served(scene, limits=limits) as port:
            connections = [await asyncio.open_connection(HOST, port) for _ in range(3)]
            await until(lambda: counts.totals()[RefusalKind.CONNECTION] == 1)
        for reader, writer in connections:
            async with asyncio.timeout(PATIENCE):
                assert await reader.read() == b""
            writer.close()
    assert "callbox-pull" not in {thread.name for thread in threading.enumerate()}


async def test_request_that_waits_is_taken_back_at_the_end_of_the_server() -> None:
    async with pulled() as scene:
        scene.peers.prepare = lambda peer: peer.hold.clear()
        async with served(scene) as port:
            _, writer = await asyncio.open_connection(HOST, port)
            head = f"POST /whep HTTP/1.1\r\nHost: a\r\n{SDP}\r\n{BEARER}\r\n"
            writer.write(f"{head}Content-Length: {len(OFFER)}\r\n\r\n{OFFER}".encode())
            await until(lambda: bool(scene.peers.made))
        await until(lambda: not scene.client.conversations)
        writer.close()


async def test_token_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    secret = OTHER.replace(" ", "%20").replace("'", "%27")
    async with pulled() as scene, served(scene) as port:
        reply = await ask(port, "POST", f"/whep?token={secret}", OFFER.encode(), SDP)
        async with connect(f"ws://{HOST}:{port}/api/ws?src=door-1&token={secret}") as socket:
            await socket.send("{}")
            await socket.recv()
    assert reply.status == 201
    ours = [each.getMessage() for each in caplog.records if each.name.startswith("agent.")]
    assert not any(secret in line or OTHER in line for line in ours)


async def test_client_that_keeps_its_connection_is_served_again() -> None:
    async with pulled() as scene, served(scene) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        for _ in range(2):
            writer.write(f"OPTIONS /whep HTTP/1.1\r\nHost: a\r\n{BEARER}\r\n\r\n".encode())
            assert (await read_reply(reader)).status == 204
        writer.close()
