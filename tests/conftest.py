"""Real parts that several test folders share."""

from __future__ import annotations

import gc
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from agent.web import bundle
from tests.free_ports import free_port
from tests.lanes import REAL_PARTS, says, where_said
from tests.parts import require_part
from tests.waiting import PATIENCE, until_listening

# Compiled once, by whoever comes first: not anew by each worker, nor by each command that a test
# starts, as a container's environment may want it.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# On a busy machine a slow example is no fault of what is tested. The same examples each time: a
# test that fails must fail again, and whoever changes a line must not meet what another one left.
# `make fuzz` looks for new ones.
settings.register_profile(
    "callbox", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
# a fifth of the examples, for `make test-fast`
settings.register_profile("fast", parent=settings.get_profile("callbox"), max_examples=20)
settings.load_profile("callbox")


def pytest_sessionstart() -> None:
    """The page is tested as its modules are now."""
    bundle.build()


def pytest_itemcollected(item: pytest.Item) -> None:
    """The lanes of `make test` find the files of a marker by its name in their text."""
    for name in REAL_PARTS:
        if item.get_closest_marker(name) is not None and not any(
            says(file, name) for file in where_said(item.path)
        ):
            raise pytest.UsageError(f"{item.nodeid}: write pytest.mark.{name} in this file")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported and collected stays until the end: nobody need look it through for what can
    go, neither now nor while the tests run.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI everything can be installed, so a test that is left out is a failure."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
    return report


@pytest.fixture(autouse=True)
def nothing_swallowed() -> Iterator[None]:
    """asyncio has nothing to complain of, and no task in the background: none failed unseen, and no
    callback raised.
    """
    complaints: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: complaints.append(handler.format(record))  # type: ignore[method-assign]
    logs = [logging.getLogger(name) for name in ("asyncio", "agent.background")]
    for log in logs:
        log.addHandler(handler)
    try:
        yield
        # a task that nobody asked complains when it is collected, and all of a test's are young
        gc.collect(1)
    finally:
        for log in logs:
            log.removeHandler(handler)
    assert not complaints, "\n".join(complaints)


class Mosquitto:
    """A mosquitto of one's own on a loopback port that stays the same across restarts.

    Its state is kept in memory only; with `persistent` on the disk after every change.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        folder: Path,
        *,
        lines: tuple[str, ...] = (),
        allow_anonymous: bool = True,
        persistent: bool = False,
        verbose: bool = True,
    ) -> None:
        self.port = free_port()
        self._verbose = verbose
        self._folder = folder
        self._config = folder / f"mosquitto-{self.port}.conf"
        self._process: subprocess.Popen[bytes] | None = None
        settings = [
            f"listener {self.port} {self.host}",
            f"allow_anonymous {'true' if allow_anonymous else 'false'}",
            # where it is root: as another user it could not read a test's files
            "user root",
            *(_persistence(folder) if persistent else ("persistence false",)),
            "max_queued_messages 10000",
            "set_tcp_nodelay true",
            *lines,
        ]
        self._config.write_text("\n".join(settings) + "\n")

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start, and return once it accepts connections."""
        log = (self._folder / f"mosquitto-{self.port}.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    require_part("mosquitto"),
                    *(("-v",) if self._verbose else ()),
                    *("-c", str(self._config)),
                ],
                stdout=log,
                stderr=log,
            )
        try:
            until_listening(self._process, self.port)
        except RuntimeError as error:
            raise RuntimeError(f"mosquitto did not start: {self.log()}") from error

    def stop(self) -> None:
        """End it in good order: its clients hear that it shuts down."""
        self._end(kill=False)

    def kill(self) -> None:
        """End it without a word, as a power cut would; its state is lost."""
        self._end(kill=True)

    def restart(self) -> None:
        """Kill it, and start it on the same port with nothing remembered."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Its connections stand, and nothing comes, until `thaw`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def log(self) -> str:
        return (self._folder / f"mosquitto-{self.port}.log").read_text(errors="replace")

    def _end(self, *, kill: bool) -> None:
        if self._process is None:
            return
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
            self.thaw()
        self._process.wait(PATIENCE)
        self._process = None


def _persistence(folder: Path) -> tuple[str, ...]:
    return (
        "persistence true",
        f"persistence_location {folder}/",
        "autosave_on_changes true",
        "autosave_interval 1",
    )


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running mosquitto that lets everyone in."""
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.stop()
