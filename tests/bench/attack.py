"""A call under every attack at once: datagrams, heavy messages and connections to the page, all of
strangers.

What the call and a friend's call lose by it is told beside the same device in peace, in one run.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from agent.service.status_client import SOCKET_NAME, ask
from agent.webrtc.peer import AiortcPeer
from tests.bench.attackers import attacker
from tests.bench.figures import Figure, spread
from tests.bench.flood import HEAVY, flooding, unwatched
from tests.bench.hostile import device_port
from tests.bench.process import Usage, cpu_seconds, usage
from tests.bench.scene import PATTERN_720P, Caller, Scene, connected_call
from tests.bench.setup_time import stock_offer
from tests.e2e.device import Program
from tests.free_ports import free_port
from tests.signaling.mqtt.certificates import Authority
from tests.waiting import PATIENCE
from tests.webrtc.strangers import HOSTILE

HOST = "127.0.0.1"
# a second: of each kind of datagram, of messages of 63 KiB, and of connections to the page
DATAGRAMS, MESSAGES, CONNECTIONS = 100, 20, 20
# seconds; while the attack fills what is bounded, and then what is measured
WARM, PEACE, ATTACK = 10.0, 20.0, 100.0
# seconds between two calls of friends
PAUSE = 2.5
# of a second, the pictures of the test pattern
FRAME_RATE = 30.0
FRAME_TARGET = 1.0  # that are missing, of a second
ANSWER_TARGET = 300.0  # ms, of the slowest call
GROWTH_TARGET = 5.0  # MiB
# %, of what was sent
UNSEEN_TARGET = 20.0
# calls, after which a device has made what it keeps of each
FIRST = 100
# seconds within which what the attack held must be free
REST = 30.0
WEB = """[web]
enabled = true
host = "{host}"
port = {port}
cert_file = "{certificate}"
key_file = "{key}"
password = "a password that nobody guesses"
"""


@dataclass(slots=True)
class Attacked:
    """A device with a page, in a call whose pictures `peer` receives, and friends who call."""

    scene: Scene
    program: Program
    caller: Caller
    offer: str
    peer: AiortcPeer
    page: int
    most_files: int = 0
    friends: int = 0
    answers: list[float] = field(default_factory=list)

    async def spend(self, seconds: float) -> float:
        """Let friends call for a while. Returns the pictures a second that came meanwhile."""
        self.answers, self.most_files = [], 0
        pictures, began = self._pictures(), time.monotonic()
        while time.monotonic() < began + seconds:
            due = time.monotonic() + PAUSE
            await self.friend_calls()
            while (wait := due - time.monotonic()) > 0:
                self.most_files = max(self.most_files, self.usage().files)
                await asyncio.sleep(min(0.2, wait))
        return (self._pictures() - pictures) / (time.monotonic() - began)

    def usage(self) -> Usage:
        return usage(self.program.pid)

    async def status(self) -> dict[str, Any]:
        path = self.scene.folder / "run" / SOCKET_NAME
        status: dict[str, Any] = await asyncio.to_thread(ask, path)
        return status

    async def rest(self, before: Usage, tasks: int) -> tuple[Usage, int]:
        """Usage and tasks once no more is in use than before; or as it is when time is up."""
        until = time.monotonic() + REST
        while True:
            now, found = self.usage(), (await self.status())["tasks"]
            more = now.files > before.files or now.threads > before.threads or found > tasks
            if not more or time.monotonic() > until:
                return now, found
            await asyncio.sleep(0.2)

    async def friend_calls(self) -> None:
        exchange = await self.caller.invite(f"friend-{self.friends // 8}", self.offer)
        self.friends += 1
        self.caller.hang_up(exchange)
        await self.scene.closed(exchange.conversation)
        self.answers.append((exchange.answered_at - exchange.invited_at) * 1000)

    def _pictures(self) -> int:
        video = self.peer.counters().video_received
        assert video is not None
        return video.frames_received


async def measure_attack(scene: Scene) -> list[Figure]:
    seconds = scene.count(round(ATTACK), 20)
    async with unwatched(scene) as alone, attacked(alone) as at:
        peace = await at.spend(scene.count(round(PEACE), 10))
        calm = spread(at.answers)
        before, status = at.usage(), await at.status()
        async with attack(at):
            attacked_at = time.monotonic()
            await at.spend(WARM)
            warm, cpu, began = at.usage(), cpu_seconds(at.program.pid), time.monotonic()
            pictures = await at.spend(seconds)
            used = (cpu_seconds(at.program.pid) - cpu) / (time.monotonic() - began)
            late = at.usage()
        lasted = time.monotonic() - attacked_at
        after, tasks = await at.rest(before, status["tasks"])
        refused = (await at.status())["refused"]
        log = at.program.log()
    came = {kind: count - status["refused"].get(kind, 0) for kind, count in refused.items()}
    return [
        Figure(
            "pictures a second that were missing, under attack",
            max(0.0, FRAME_RATE - pictures),
            "1/s",
            FRAME_TARGET,
            {"in peace": round(FRAME_RATE - peace, 2), "seconds": seconds},
        ),
        Figure(
            "a friend's call answered, the slowest",
            max(at.answers),
            "ms",
            ANSWER_TARGET,
            {"attacked": spread(at.answers), "in peace": calm},
        ),
        Figure("growth of memory", late.resident - warm.resident, "MiB", GROWTH_TARGET),
        Figure("descriptors left", after.files - before.files, "", 0),
        Figure("threads left", after.threads - before.threads, "", 0),
        Figure("tasks left", tasks - status["tasks"], "", 0),
        Figure("tracebacks in the device's log", log.count("Traceback"), "", 0),
        Figure("descriptors in use at most, beyond peace", at.most_files - before.files, ""),
        Figure("processor of the device", 100 * used, "%"),
        Figure("lines in the device's log", len(log.splitlines()), ""),
        Figure("attack that did not arrive", unseen(came, lasted), "%", UNSEEN_TARGET, came),
    ]


def unseen(came: dict[str, int], seconds: float) -> float:
    """What the device should have refused and has not, in percent, of the kind that lacks most."""
    due = {
        "datagrams": DATAGRAMS * len(HOSTILE) * seconds,
        "messages": MESSAGES * seconds,
        # one of four connections tries a password
        "logins": CONNECTIONS / 4 * seconds,
    }
    return max(0.0, *(100 * (1 - came[kind] / count) for kind, count in due.items()))


@asynccontextmanager
async def attacked(scene: Scene) -> AsyncIterator[Attacked]:
    page = free_port()
    certificate, key = Authority(scene.folder).issue(HOST, rsa_bits=2048)
    web = WEB.format(host=HOST, port=page, certificate=certificate, key=key)
    async with (
        scene.device(PATTERN_720P, calls=4, extra=web, module="tests.bench.unlimited") as program,
        Caller.connected(scene.mosquitto) as caller,
        connected_call(caller, "guest") as viewing,
    ):
        await page_is_open(page)
        at = Attacked(scene, program, caller, await stock_offer(), viewing.peer, page)
        for _ in range(FIRST):
            await at.friend_calls()
        yield at


@asynccontextmanager
async def attack(at: Attacked) -> AsyncIterator[None]:
    """All at once. The call's own port is what the datagrams go to."""
    mosquitto = at.scene.mosquitto
    async with (
        attacker("datagrams", *device_port(at.peer), DATAGRAMS),
        attacker("pages", at.page, CONNECTIONS),
        flooding(mosquitto, HEAVY[1], MESSAGES / 2, qos=0),
        flooding(mosquitto, HEAVY[1], MESSAGES / 2, qos=1),
    ):
        yield


async def page_is_open(port: int) -> None:
    """Wait until the device serves its page."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection(HOST, port, ssl=context)
            except OSError:
                await asyncio.sleep(0.1)
                continue
            writer.close()
            return
