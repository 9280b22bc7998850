"""A flood of fuzzed messages through a real broker to a device process: what it costs, and whether
it still serves.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.core.call.decision import RateOutcome
from agent.core.policy.rate_limiter import RateLimiter
from agent.errors import MalformedMessage
from agent.service.status_client import SOCKET_NAME, ask
from agent.signaling.protocol.messages import Invite, parse_signal
from tests.bench.figures import Figure, spread
from tests.bench.mix import answer, opened
from tests.bench.process import Usage, settled
from tests.bench.scene import Scene
from tests.bench.telephone import Telephone
from tests.conftest import Mosquitto
from tests.e2e.device import PREFIX, UID, Program
from tests.faults.fuzz.packets import Packet, packet
from tests.waiting import PATIENCE

MESSAGES = 100_000
# messages, after which the device is let come after
BATCH = 200
# proper calls in a whole flood, at random moments
CHECKS = 8
SEED = 11
# threads that asyncio keeps once they were needed at the same time
POOL = min(32, (os.cpu_count() or 1) + 4)
SERVED_TARGET = 1000.0  # ms
# MiB, in the second half
GROWTH_TARGET = 5.0
CONFIGURATION = """
uid = "{uid}"
state_directory = "{folder}/state"
commands = ["close", "reject", "mute", "reload", "call", "accept", "snapshot", "policy", "volume"]
max_conversations = 4
[mqtt]
port = {port}
[audio]
capture = "pattern"
playback = "none"
[call]
setup_timeout = {setup_timeout}
[video]
source = "pattern"
width = 320
height = 240
bitrate = 300_000
linger = 0
[[policy.rule]]
name = "everybody"
action = "accept"
"""


class Flooder:
    """A client that sends anything. Of whole invitations it sends no more than leave room for a
    proper caller.
    """

    def __init__(self, mosquitto: Mosquitto, limiter: RateLimiter) -> None:
        self.sent = 0
        self._limiter = limiter
        self._loop = asyncio.get_running_loop()
        self._echo = asyncio.Event()
        # by its number, for one that was asked twice is answered twice
        self._question = 0
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            f"flooder-{uuid.uuid4()}",
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        self._client.max_queued_messages_set(0)
        self._client.on_message = self._echoed
        self._echo_topic = f"{PREFIX}/{UID}/reply/{uuid.uuid4()}"
        self._client.connect(mosquitto.host, mosquitto.port)
        self._client.subscribe(self._echo_topic)

    @classmethod
    @asynccontextmanager
    async def connected(cls, mosquitto: Mosquitto, limiter: RateLimiter) -> AsyncIterator[Flooder]:
        flooder = cls(mosquitto, limiter)
        flooder._client.loop_start()
        try:
            yield flooder
        finally:
            flooder._client.disconnect()
            await asyncio.to_thread(flooder._client.loop_stop)

    def send(self, one: Packet) -> None:
        if self._is_too_many(one):
            one = Packet(f"{UID}/signal/front-desk", b'{"type":"invite"}')
        info = self._publish(
            f"{PREFIX}/{one.topic}", one.payload, one.qos, one.retain, **one.properties
        )
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise RuntimeError(f"the flooder lost its broker: {info.rc}")
        self.sent += 1

    async def digested(self) -> None:
        """Everything that was sent has been handled: what was asked after it is answered."""
        self._echo.clear()
        self._question += 1
        named: dict[str, Any] = {
            "ResponseTopic": self._echo_topic,
            "CorrelationData": b"%d" % self._question,
        }
        async with asyncio.timeout(PATIENCE):
            # a device that is flooded may drop the question as well
            while not self._echo.is_set():
                self._publish(f"{PREFIX}/{UID}/command/echo", b"", 1, **named)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        await self._echo.wait()

    def _publish(
        self, topic: str, payload: bytes, qos: int, retain: bool = False, **properties: Any
    ) -> MQTTMessageInfo:
        named = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        for name, value in properties.items():
            setattr(named, name, value)
        return self._client.publish(topic, payload, qos, retain, named)

    def _is_too_many(self, one: Packet) -> bool:
        levels = one.topic.split("/")
        if one.retain or levels[1:2] != ["signal"]:
            return False
        try:
            message = parse_signal(one.payload)
        except MalformedMessage:
            return False
        return (
            isinstance(message, Invite)
            and self._limiter.judge(levels[-1], time.monotonic()) is not RateOutcome.ADMIT
        )

    def _echoed(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        """Runs in paho's thread."""
        if getattr(message.properties, "CorrelationData", None) == b"%d" % self._question:
            self._loop.call_soon_threadsafe(self._echo.set)


class Flood:
    """One device under a flood, watched from outside."""

    def __init__(
        self, folder: Path, mosquitto: Mosquitto, program: Program, telephone: Telephone
    ) -> None:
        self.program = program
        # ms from a proper invitation to its ACCEPTED
        self.served: list[float] = []
        self._folder = folder
        self._mosquitto = mosquitto
        self.telephone = telephone
        self._random = random.Random(SEED)
        self._limiter = RateLimiter(per_caller=4, overall=30)

    async def run(self, messages: int, checks: int) -> None:
        """Send them; at random moments in between, and at the end, a proper caller is served."""
        batches = -(-messages // BATCH)
        pauses = {*self._random.sample(range(batches), min(checks, batches) - 1), batches - 1}
        async with Flooder.connected(self._mosquitto, self._limiter) as flooder:
            for batch in range(batches):
                for _ in range(min(BATCH, messages - flooder.sent)):
                    flooder.send(packet(self._random))
                await flooder.digested()
                if batch in pauses:
                    await self.serve()

    async def serve(self) -> None:
        """An operator undoes what strangers' commands have set, and a proper caller calls."""
        await self.telephone.asked("policy", override=None)
        await self.telephone.asked("close")
        line = self.telephone.line(f"proper-{len(self.served)}")
        async with opened() as caller:
            offer = await caller.peer.create_offer()
            await self.idle()
            started = time.monotonic()
            line.invite(offer)
            await answer(line, "ACCEPTED")
            self.served.append(1000 * (time.monotonic() - started))
            line.say("close", reason="user_hangup")
            await line.closed()

    async def idle(self) -> dict[str, Any]:
        """The device's status once it has no call."""
        async with asyncio.timeout(PATIENCE):
            while (status := await self._status())["calls"]:  # noqa: ASYNC110 - in another process
                await asyncio.sleep(0.05)
        return status

    async def rest(self) -> Usage:
        """Without a call, and without what goes a moment after one."""
        await self.idle()
        return await settled(self.program.pid)

    async def _status(self) -> dict[str, Any]:
        while True:
            # where others have the machine; our caller's patience ends as well
            with contextlib.suppress(TimeoutError):
                return await asyncio.to_thread(ask, self._folder / "run" / SOCKET_NAME)

    def connections(self) -> int:
        """How often the device has connected to the broker."""
        return self._mosquitto.log().count(f"as callbox-{UID} (")


@asynccontextmanager
async def flooding(folder: Path, *, setup_timeout: float = 5.0) -> AsyncIterator[Flood]:
    """A broker, and a device that has served one caller; ended on leaving."""
    (folder / "run").mkdir()
    mosquitto = Mosquitto(folder)
    mosquitto.start()
    config = folder / "fuzz.toml"
    config.write_text(
        CONFIGURATION.format(
            folder=folder, uid=UID, port=mosquitto.port, setup_timeout=setup_timeout
        )
    )
    try:
        program = await Program.start(
            folder / "device.log",
            "run",
            "--config",
            str(config),
            env={"RUNTIME_DIRECTORY": str(folder / "run")},
        )
        try:
            async with Telephone.connected(mosquitto) as telephone:
                flood = Flood(folder, mosquitto, program, telephone)
                await telephone.online()
                await flood.serve()
                flood.served.clear()
                yield flood
        finally:
            await program.end()
    finally:
        mosquitto.stop()


async def measure_fuzz(scene: Scene) -> list[Figure]:
    """Memory counts in the second half: in the first one, what is remembered of calls fills."""
    messages = int(scene.messages or MESSAGES)
    folder = scene.folder / "fuzz"
    folder.mkdir()
    async with flooding(folder) as flood:
        before = await flood.rest()
        await flood.run(messages // 2, CHECKS // 2)
        half = await flood.rest()
        await flood.run(messages - messages // 2, CHECKS // 2)
        late = await flood.rest()
        connections, tasks = flood.connections(), (await flood.idle())["tasks"]
    span = f"of {messages} fuzzed messages"
    details = {
        "before": before.as_json(),
        "half": half.as_json(),
        "late": late.as_json(),
        "tasks": tasks,
    }
    return [
        Figure(
            f"a proper caller is answered, amid {messages} fuzzed messages: the slowest",
            max(flood.served),
            "ms",
            SERVED_TARGET,
            spread(flood.served),
        ),
        Figure(
            f"growth of memory in the second half {span}",
            late.resident - half.resident,
            "MiB",
            GROWTH_TARGET,
            details,
        ),
        Figure("growth of memory in the first half", half.resident - before.resident, "MiB"),
        Figure("descriptors left", late.files - before.files, "", 0),
        Figure(
            "threads left, but for the event loop's own pool",
            max(0, late.threads - before.threads - POOL),
            "",
            0,
        ),
        Figure("tracebacks in the device's log", flood.program.log().count("Traceback"), "", 0),
        Figure("connections to the broker lost", connections - 1, "", 0),
    ]
