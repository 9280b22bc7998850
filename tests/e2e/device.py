"""A whole device in a process of its own, and somebody who watches everything that is published."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.core.call.delivery import Delivery
from agent.settings.models import CARRIED_OUT
from agent.signaling.broker import Broker, MessageStream
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions
from tests.conftest import Mosquitto
from tests.waiting import PATIENCE

UID = "door-1"
PREFIX = "callbox/v1"

ALL_COMMANDS = f"commands = {json.dumps(CARRIED_OUT)}\n"
ACCEPT_ALL = '[[policy.rule]]\nname = "everybody"\naction = "accept"\n'


@dataclass(frozen=True, slots=True)
class Message:
    topic: str
    # the JSON value, or the bytes where it is none
    body: Any

    @property
    def name(self) -> str:
        """The topic below the device."""
        return self.topic.removeprefix(f"{PREFIX}/")


class Watcher:
    """Keeps every message under the prefix, in order, and lets one wait for those to come."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.messages: list[Message] = []
        self._arrived = asyncio.Condition()

    async def run(self, stream: MessageStream) -> None:
        while True:
            incoming = await stream.receive()
            try:
                body: Any = json.loads(incoming.payload)
            except (ValueError, RecursionError):
                body = incoming.payload
            incoming.ack()
            async with self._arrived:
                self.messages.append(Message(incoming.topic, body))
                self._arrived.notify_all()

    async def wait(
        self, name: str, matches: Callable[[Any], bool] = lambda _: True, *, after: int = 0
    ) -> Any:
        """The body of the first message `name` (topic below the prefix) from index `after` on that
        matches.
        """

        def found() -> Message | None:
            return next(
                (
                    each
                    for each in self.messages[after:]
                    if each.name == name and matches(each.body)
                ),
                None,
            )

        async with asyncio.timeout(PATIENCE), self._arrived:
            await self._arrived.wait_for(lambda: found() is not None)
        message = found()
        assert message is not None
        return message.body

    def events(self, conversation: str | None = None) -> list[Any]:
        """Bodies of all events of conversations so far; of one conversation, if it is named."""
        bodies = [
            each.body
            for each in self.messages
            if "/events/" in each.topic and "eventId" in each.body
        ]
        return [body for body in bodies if conversation in (None, body["conversation"])]

    def publish(self, name: str, body: Any, **options: Any) -> asyncio.Future[Delivery]:
        """Publish JSON (or bytes) on the topic `name` below the prefix."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.broker.publish(f"{PREFIX}/{name}", payload, **options)


@asynccontextmanager
async def watching(mosquitto: Mosquitto, *, session_expiry: int = 0) -> AsyncIterator[Watcher]:
    options = MqttOptions(
        port=mosquitto.port,
        client_id=f"watcher-{uuid.uuid4()}",
        session_expiry=session_expiry,
        retry_first=0.1,
        retry_longest=0.3,
    )
    broker = MqttBroker(options)
    stream = broker.subscribe(f"{PREFIX}/#")
    async with broker:
        await broker.wait_connected(PATIENCE)
        watcher = Watcher(broker)
        task = asyncio.create_task(watcher.run(stream))
        try:
            yield watcher
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class Program:
    """A `callbox` command in a process of its own, with its output kept."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self._log = log

    @classmethod
    async def start(
        cls,
        log: Path,
        *arguments: str,
        env: dict[str, str] | None = None,
        module: str = "agent",
        within: Sequence[str] = (),
    ) -> Program:
        """`within` is the command that runs it, where it does not run just here."""
        command = [*within, sys.executable, "-X", "faulthandler", "-m", module, *arguments]
        with log.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdout=asyncio.subprocess.PIPE,
                stderr=file,
                env={**os.environ, **(env or {})},
            )
        program = cls(process, log)
        _STARTED.append((asyncio.get_running_loop(), program))
        return program

    @property
    def pid(self) -> int:
        return self.process.pid

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def finish(self) -> tuple[int, str]:
        """Exit code and standard output."""
        async with asyncio.timeout(PATIENCE * 2):
            output, _ = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, output.decode()

    async def end(self) -> None:
        """Stop it, whatever it does."""
        if self.process.returncode is None:
            self.process.terminate()
            try:
                async with asyncio.timeout(PATIENCE):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        if self.process.stdout is not None:
            await self.process.stdout.read()
        self.process._transport.close()  # type: ignore[attr-defined]


_STARTED: list[tuple[asyncio.AbstractEventLoop, Program]] = []


async def end_left_over() -> None:
    """End what a test that failed has left behind: it would fail another one."""
    loop = asyncio.get_running_loop()
    left = [each for its, each in _STARTED if its is loop and each.process.returncode is None]
    _STARTED.clear()
    for program in left:
        print(program.log())
        program.process.kill()
        await program.end()


def configuration(
    folder: Path,
    port: int,
    extra: str = "",
    *,
    policy: str = ACCEPT_ALL,
    uid: str = UID,
    audio: str = "",
) -> Path:
    """A configuration file for a device with the test pattern; `audio`: lines of that table."""
    path = folder / f"{uid}.toml"
    path.write_text(
        f'uid = "{uid}"\nstate_directory = "{folder / f"state-{uid}"}"\n{ALL_COMMANDS}'
        f"[mqtt]\nport = {port}\n"
        '[video]\nsource = "pattern"\nwidth = 320\nheight = 240\nbitrate = 500_000\n'
        f'[audio]\ncapture = "pattern"\nplayback = "none"\n{audio}[stats]\ninterval = 0.5\n'
        + policy
        + extra
    )
    return path


@asynccontextmanager
async def device(
    folder: Path,
    mosquitto: Mosquitto,
    watcher: Watcher,
    extra: str = "",
    *,
    policy: str = ACCEPT_ALL,
    uid: str = UID,
    audio: str = "",
) -> AsyncIterator[Program]:
    """`callbox run`, online. Its log must be free of tracebacks. `audio`: lines of that table."""
    config = configuration(folder, mosquitto.port, extra, policy=policy, uid=uid, audio=audio)
    start = len(watcher.messages)
    program = await Program.start(folder / f"{uid}.log", "run", "--config", str(config))
    try:
        await watcher.wait(f"{uid}/status", lambda body: body["state"] == "online", after=start)
        yield program
    except TimeoutError:
        print(program.log())
        raise
    finally:
        await program.end()
    assert "Traceback" not in program.log(), program.log()


async def call(
    folder: Path, mosquitto: Mosquitto, *arguments: str, to: str = UID, within: Sequence[str] = ()
) -> Program:
    """`callbox call`, just started. `within` is as in `Program.start`."""
    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    return await Program.start(
        folder / "call.log", "call", to, "--broker", url, "--json", *arguments, within=within
    )


def record_of(output: str) -> dict[str, Any]:
    """The call record: the last line that `callbox call --json` prints."""
    record: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return record
