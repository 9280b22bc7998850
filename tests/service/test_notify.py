"""What the service manager is told, and by which socket."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.service.notify import Notifier, open_notifier, send_datagram, watchdog_timeout
from tests.waiting import PATIENCE


@pytest.fixture
def without_systemd_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "systemd.daemon", None)


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """NOTIFY_SOCKET, and the end at which a service manager would listen."""
    name = str(tmp_path / "notify") if request.param == "file" else f"@callbox-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name[1:] if name.startswith("@") else name)
        listening.settimeout(PATIENCE)
        yield name, listening


def test_fallback_speaks_the_protocol(
    manager: tuple[str, socket.socket], without_systemd_python: None
) -> None:
    address, listening = manager
    notifier = open_notifier({"NOTIFY_SOCKET": address})
    notifier.ready("idle; broker 127.0.0.1:1883")
    assert listening.recv(4096) == b"READY=1\nSTATUS=idle; broker 127.0.0.1:1883"
    notifier.watchdog()
    assert listening.recv(4096) == b"WATCHDOG=1"


def test_messages() -> None:
    sent: list[str] = []
    notifier = Notifier(sent.append, monotonic_ns=lambda: 5_000_000)
    notifier.reloading()
    notifier.stopping("hanging up with front-desk")
    notifier.extend_timeout(2.5)
    assert sent == [
        "RELOADING=1\nMONOTONIC_USEC=5000\nSTATUS=reloading",
        "STOPPING=1\nSTATUS=hanging up with front-desk",
        "EXTEND_TIMEOUT_USEC=2500000",
    ]


def test_same_status_is_said_once() -> None:
    sent: list[str] = []
    notifier = Notifier(sent.append)
    notifier.ready("idle")
    notifier.status("idle")
    notifier.status("in a call with front-desk")
    notifier.status("in a call with front-desk")
    assert sent == ["READY=1\nSTATUS=idle", "STATUS=in a call with front-desk"]


def test_status_stays_one_line_whatever_is_in_it() -> None:
    sent: list[str] = []
    Notifier(sent.append).status("in a call with x\nREADY=1\tand so on " + "y" * 1000)
    assert sent[0].startswith("STATUS=in a call with x READY=1 and so on yyy")
    assert len(sent[0]) < 500


def test_without_a_manager_nothing_happens() -> None:
    notifier = open_notifier({})
    notifier.ready("idle")
    notifier.watchdog()
    assert not notifier.managed


def test_manager_that_is_gone_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def send(_text: str) -> None:
        raise OSError(errno.ECONNREFUSED, "Connection refused")

    notifier = Notifier(send)
    notifier.watchdog()
    notifier.watchdog()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_full_queue_does_not_block(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        with pytest.raises(BlockingIOError):
            _flood(address)


def _flood(address: str) -> None:
    for _ in range(100_000):
        send_datagram(address, "WATCHDOG=1")


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "20000000"}, 20.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid())}, 20.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_watchdog_timeout(environ: dict[str, str], seconds: float | None) -> None:
    assert watchdog_timeout(environ) == seconds
