"""A PostgreSQL of a test's own: Debian's, on a socket in a folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Any, Self

from tests.parts import missing
from tests.waiting import START_TIMEOUT

ROOT = Path("/usr/lib/postgresql")
# it does not run as root
OWNER = "postgres"


class PostgreSql:
    """A context. `url` is libpq's; the data stays over `stop` and `start`."""

    def __init__(self) -> None:
        found = sorted(ROOT.glob("*/bin/initdb"))
        if not found:
            missing("postgresql is not installed (apt-get install postgresql)")
        self._bin = found[-1].parent
        # not below pytest's folders: each run of pytest makes those root's alone again
        self._folder = Path(mkdtemp(prefix="callbox-postgresql-"))
        self._data = self._folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"host={self._folder} dbname=postgres user={OWNER}"

    def __enter__(self) -> Self:
        if os.geteuid() == 0:
            shutil.chown(self._folder, OWNER)
        self._run("initdb", "-D", str(self._data), "-U", OWNER, "-A", "trust", "--no-sync")
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._bin / "postgres",
                    "-D",
                    str(self._data),
                    "-k",
                    str(self._folder),
                    "-c",
                    "listen_addresses=",
                ],
                stdout=log,
                stderr=log,
                **_as_owner(),
            )
        deadline = time.monotonic() + START_TIMEOUT
        while self._ready() != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop(signal.SIGQUIT)
                raise RuntimeError((self._folder / "log").read_text())
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends its sessions in good order, SIGQUIT at once."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(START_TIMEOUT)

    def _ready(self) -> int:
        command = [str(self._bin / "pg_isready"), "-q", "-h", str(self._folder)]
        return subprocess.run(command, check=False).returncode

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._bin / program), *arguments], check=True, capture_output=True, **_as_owner()
        )


def _as_owner() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    owner = pwd.getpwnam(OWNER)
    return {"user": owner.pw_uid, "group": owner.pw_gid, "cwd": "/", "extra_groups": []}
