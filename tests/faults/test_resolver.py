"""A DNS server whose packets go nowhere: glibc's own resolver hangs on it, in a device of its own,
and nobody waits.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import Mosquitto
from tests.e2e.device import UID, Program, Watcher, configuration
from tests.faults.stranger import Stranger
from tests.parts import missing, require_part

pytestmark = [pytest.mark.broker, pytest.mark.media]

NAMESERVER = "127.77.0.53"
SERVERS = """
[log]
level = "debug"

[[ice.servers]]
urls = ["stun:stun.black-hole.example"]

[[ice.servers]]
urls = ["turn:turn.black-hole.example?transport=tcp"]
username = "door-1"
credential = "secret"
"""


class BlackHole(NamedTuple):
    """A name server that is asked and does not answer. `within` is what runs a command with no
    other.
    """

    queries: socket.socket
    within: tuple[str, ...]


@contextmanager
def black_hole(folder: Path) -> Iterator[BlackHole]:
    """The resolver's files are replaced in a mount namespace, which ends with the last process in
    it.
    """
    unshare = require_part("unshare", "util-linux")
    files = {
        "/etc/resolv.conf": f"nameserver {NAMESERVER}\n",
        "/etc/nsswitch.conf": "hosts: files dns\n",
    }
    binds = []
    for place, content in files.items():
        ours = folder / Path(place).name
        ours.write_text(content)
        binds.append(f"mount --bind '{ours}' {place}")
    within = (unshare, "--mount", "sh", "-c", " && ".join([*binds, 'exec "$@"']), "sh")
    if (
        os.geteuid() != 0
        or subprocess.run([*within, "true"], check=False, capture_output=True).returncode
    ):
        missing("nobody but root, on a system that allows it, gets a resolver of its own")
    with socket.socket(type=socket.SOCK_DGRAM) as queries:
        queries.bind((NAMESERVER, 53))
        queries.setblocking(False)
        yield BlackHole(queries, within)


async def test_names_that_nobody_looks_up_delay_no_answer(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """Accepted and connected, placed and ended, with every lookup open; and so the process ends."""
    config, log = configuration(tmp_path, mosquitto.port, SERVERS), tmp_path / "device.log"
    with black_hole(tmp_path) as hole:
        program = await Program.start(log, "run", "--config", str(config), within=hole.within)
        try:
            await watcher.wait(f"{UID}/status", lambda body: body["state"] == "online")
            async with Stranger.calling(watcher, "caller") as caller:
                answer = await caller.invite()
                assert answer["callStatus"] == "ACCEPTED"
                await caller.connected()
                caller.close()
                record = await caller.closed()
            watcher.publish(f"{UID}/command/call", {"to": ["friend"]})
            invite = await watcher.wait(
                f"friend/signal/{UID}", lambda body: body["type"] == "invite"
            )
            asked = hole.queries.recv(512) + hole.queries.recv(512)
            program.signal(signal.SIGTERM)
            code, _ = await program.finish()
        finally:
            await program.end()
    assert (record["reason"], record["path"]["local"]) == ("user_hangup", "host")
    assert "a=candidate" in answer["sdp"]
    assert "a=candidate" in invite["sdp"]
    assert b"\x0ablack-hole\x07example" in asked, "it is the real resolver that was asked"
    assert code == 0
    said = program.log()
    assert "Traceback" not in said
    accepted, invited = said.index("answering -> connecting"), said.index("offering -> inviting")
    assert said[:accepted].count("black-hole") == 0, "accepted before any lookup was given up"
    assert said[:invited].count("black-hole") <= 2, "invited before its own were"
