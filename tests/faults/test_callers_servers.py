"""STUN and TURN servers that a caller brings: asked where its rule says so, and out of the house
alone.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.conftest import Mosquitto
from tests.e2e.device import Program, Watcher, configuration
from tests.faults.links import Namespace, network
from tests.faults.scene import Delayed
from tests.faults.stranger import Stranger

pytestmark = [pytest.mark.broker, pytest.mark.media]

# an address of the Internet, which stands for somebody's relay
ELSEWHERE = "9.9.9.9"
PORT = 3478
POLICY = (
    '[[policy.rule]]\nname = "brings"\ncallers = ["brings"]\n'
    'action = "accept"\nice_servers = true\n'
    '[[policy.rule]]\nname = "others"\naction = "accept"\n'
)


class Trap:
    """A port that hangs up on everybody, and counts them."""

    def __init__(self, listening: socket.socket) -> None:
        self.visits = 0
        self._listening = listening

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        writer.close()

    async def __aenter__(self) -> Trap:
        self._server = await asyncio.start_server(self.serve, sock=self._listening)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()


@asynccontextmanager
async def device(
    folder: Path, mosquitto: Mosquitto, watcher: Watcher, near: Namespace
) -> AsyncIterator[Program]:
    config = configuration(folder, mosquitto.port, policy=POLICY)
    command = near.command()
    program = await Program.start(
        folder / "door.log", "run", "--config", str(config), within=command
    )
    try:
        await watcher.wait("door-1/status", lambda body: body["state"] == "online")
        yield program
    finally:
        await program.end()


async def test_callers_servers_are_asked_by_rule_and_never_in_the_house(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    servers = [
        {"urls": f"turn:{host}:{PORT}?transport=tcp", "username": "u", "credential": "c"}
        for host in ("127.0.0.1", ELSEWHERE)
    ]
    async with network() as net:
        add = net.near.command("ip", "address", "add", f"{ELSEWHERE}/32", "dev", "lo")
        await asyncio.to_thread(subprocess.run, add, check=True)
        async with (
            Trap(net.near.listen(PORT, "127.0.0.1")) as home,
            Trap(net.near.listen(PORT, ELSEWHERE)) as elsewhere,
            Delayed(mosquitto.port, 0.0).serve(net.near),
            device(tmp_path, mosquitto, watcher, net.near) as program,
        ):
            visits = []
            for caller in ("others", "brings"):
                async with Stranger.calling(watcher, caller) as stranger:
                    answer = await stranger.invite(iceServers=servers)
                    # all that was to be asked has been, before the answer or after it
                    asked = "a=end-of-candidates" not in answer["sdp"]
                    if asked:
                        await stranger.heard("candidate", candidate=None)
                    stranger.close()
                    await stranger.closed()
                visits.append((asked, home.visits, elsewhere.visits))
    assert visits == [(False, 0, 0), (True, 0, 1)], program.log()
