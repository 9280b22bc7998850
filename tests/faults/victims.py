"""A device and its broker, in processes that can be killed."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from agent.service.run_history import FILE_NAME
from tests.conftest import Mosquitto
from tests.e2e.device import ACCEPT_ALL, ALL_COMMANDS, UID, Program


class Victims:
    """The device and its broker, who can be killed, and come back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mosquitto = Mosquitto(folder, persistent=True)
        self.log = folder / "device.log"
        self.state = folder / "state"
        self._environment = {"XDG_RUNTIME_DIR": str(folder / "run"), "TMPDIR": str(folder / "tmp")}
        self._config = folder / "kills.toml"
        self._device: Program | None = None

    @classmethod
    @asynccontextmanager
    async def alive(cls, folder: Path) -> AsyncIterator[Self]:
        victims = cls(folder)
        victims._config.write_text(
            f'uid = "{UID}"\nstate_directory = "{victims.state}"\nmax_conversations = 16\n'
            f"{ALL_COMMANDS}[mqtt]\nport = {victims.mosquitto.port}\n"
            '[video]\nsource = "pattern"\nwidth = 160\nheight = 120\nframerate = 5\nbitrate = '
            "250_000\n"
            f'[audio]\ncapture = "none"\nplayback = "none"\n{ACCEPT_ALL}'
        )
        for name in ("run", "tmp"):
            (folder / name).mkdir(mode=0o700)
        victims.mosquitto.start()
        try:
            await victims.start_device()
            yield victims
        finally:
            await victims.end_device(signal.SIGTERM)
            victims.mosquitto.stop()

    @property
    def pid(self) -> int:
        assert self._device is not None
        return self._device.pid

    async def start_device(self) -> None:
        arguments = ("run", "--config", str(self._config))
        self._device = await Program.start(
            self.log, *arguments, env=self._environment, module="tests.bench.unlimited"
        )

    async def end_device(self, number: signal.Signals) -> None:
        if self._device is not None:
            with contextlib.suppress(ProcessLookupError):
                self._device.signal(number)
            await self._device.end()
            self._device = None

    async def end_broker(self, number: signal.Signals) -> None:
        await asyncio.to_thread(
            self.mosquitto.kill if number == signal.SIGKILL else self.mosquitto.stop
        )

    async def start_broker(self) -> None:
        await asyncio.to_thread(self.mosquitto.start)

    def left_over(self) -> list[str]:
        """What is there after a clean stop that should not be: files, and rows of the outbox."""
        found = [
            str(path.relative_to(self.folder))
            for path in self.state.rglob("*")
            if path.name not in ("outbox.db", FILE_NAME)
        ]
        for name in ("run", "tmp"):
            found += [
                str(path.relative_to(self.folder))
                for path in (self.folder / name).rglob("*")
                if not path.is_dir()
            ]
        with contextlib.closing(sqlite3.connect(self.state / "outbox.db")) as database:
            for table in ("events", "calls"):
                rows = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                found += [f"{rows} {table}"] if rows else []
        return found
