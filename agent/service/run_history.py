"""How often this service was started since the board booted, and how often it had crashed."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

logger = logging.getLogger(__name__)

FILE_NAME = "runs.json"


class RunHistory:
    """An async context around one run. Made, it has read the file that earlier runs left in
    `directory`; `boot_id` names the board's present boot.

    `restarts` are the starts of this boot but the first; `crashes` those of them before which a run
    had not ended in good order. A disk that keeps nothing makes both too small, and no more.
    """

    def __init__(self, directory: Path, boot_id: str | None) -> None:
        self._file = directory / FILE_NAME
        self._boot_id = boot_id
        before = self._read()
        same_boot = boot_id is not None and before.get("bootId") == boot_id
        self.restarts = _count(before, "restarts") + 1 if same_boot else 0
        crashed = same_boot and before.get("running") is True
        self.crashes = _count(before, "crashes") + crashed if same_boot else 0

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._write, running=True)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            await asyncio.to_thread(self._write, running=False)

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._file.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            logger.warning("%s cannot be used: counting from now on (%s)", self._file, error)
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, *, running: bool) -> None:
        value = {
            "bootId": self._boot_id,
            "restarts": self.restarts,
            "crashes": self.crashes,
            "running": running,
        }
        new = self._file.with_suffix(".new")
        try:
            new.unlink(missing_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(value, file)
            new.replace(self._file)
        except OSError as error:
            logger.warning("this start is not counted: %s", error)


def _count(values: dict[str, Any], name: str) -> int:
    value = values.get(name)
    return value if isinstance(value, int) and value >= 0 else 0
