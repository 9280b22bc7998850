"""What /proc and /sys say, on files as a Raspberry Pi has them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agent.service.board_health import BoardHealth, Wifi, board_boot_id, read_board

WIRELESS = """\
Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
 wlan0: 0000   56.  -54.  -256        0      0      0      0      0        0
"""
FILES = {
    "sys/class/thermal/thermal_zone0/temp": "48312\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
    "proc/meminfo": "MemTotal:  437456 kB\nMemFree:  9000 kB\nMemAvailable:  246812 kB\n",
    "proc/loadavg": "0.42 0.30 0.25 1/180 2211\n",
    "proc/net/wireless": WIRELESS,
    "proc/uptime": "86401.25 330000.10\n",
    "proc/sys/kernel/random/boot_id": "6f0c1b0e-0000-4000-8000-000000000000\n",
    "run/systemd/timesync/synchronized": "",
}


@pytest.fixture
def board(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_read_board_of_a_raspberry_pi(board: Path) -> None:
    health = read_board(board, board)
    assert health.temperature_celsius == 48.312
    assert (health.throttled, health.undervoltage) == (True, True)
    assert health.memory_available_bytes == 246_812 * 1024
    assert (health.load1, health.uptime_seconds) == (0.42, 86_401.25)
    # no such interface here, so no bit rate
    assert health.wifi == Wifi(rssi_dbm=-54)
    assert health.clock_synchronized is True
    assert (health.resident_bytes or 0) > 1_000_000
    assert (health.disk_free_bytes or 0) > 0
    assert board_boot_id(board) == "6f0c1b0e-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("word", "throttled", "undervoltage"),
    [("0", False, False), ("1", False, True), ("4", True, False), ("50000", False, False)],
)
def test_read_board_tells_what_holds_now(
    board: Path, word: str, throttled: bool, undervoltage: bool
) -> None:
    (board / "sys/devices/platform/soc/soc:firmware/get_throttled").write_text(word)
    health = read_board(board, board)
    assert (health.throttled, health.undervoltage) == (throttled, undervoltage)


def test_read_board_where_the_clock_waits_for_the_network(board: Path) -> None:
    (board / "run/systemd/timesync/synchronized").unlink()
    assert read_board(board, board).clock_synchronized is False


def test_read_board_leaves_out_what_is_not_there(tmp_path: Path) -> None:
    health = read_board(tmp_path / "none", tmp_path)
    known = BoardHealth(
        resident_bytes=health.resident_bytes, clock_synchronized=health.clock_synchronized
    )
    assert health == known
    assert board_boot_id(tmp_path) is None


@pytest.mark.parametrize("text", ["", "nonsense", "MemAvailable: lots kB\n", "\0\xff"])
def test_read_board_leaves_out_what_cannot_be_read(board: Path, text: str) -> None:
    for name in FILES:
        (board / name).write_text(text, encoding="latin-1")
    health = read_board(board, board)
    assert (health.temperature_celsius, health.throttled, health.wifi) == (None, None, None)
    assert (health.memory_available_bytes, health.load1) == (None, None)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_read_board_of_this_machine(tmp_path: Path) -> None:
    health = read_board(tmp_path)
    assert (health.memory_available_bytes or 0) > 0
    assert (health.uptime_seconds or 0) > 0
    assert board_boot_id()
