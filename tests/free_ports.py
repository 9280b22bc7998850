"""Ports for programs that must be told one before they listen on it.

The kernel gives a port that was just let go to the next who asks, and several runs of pytest go on
at the same time. So each process takes a block of ports of its own, below those that the kernel
chooses from.
"""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterator
from functools import cache
from pathlib import Path

HOST = "127.0.0.1"
# browsers refuse some below, and fixed ones of well-known programs lie there
_FIRST = 10_240
_BLOCK = 128
_KERNELS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """A loopback port that nobody listens on, and that no other run will take. The same again only
    after all others of the block.
    """
    ports = _block(os.getpid())
    for port in itertools.islice(ports, _BLOCK):
        if _is_free(port):
            return port
    raise RuntimeError("no port is free")


@cache
def _block(_process: int) -> Iterator[int]:
    """The ports of this process, over and over. A name in the kernel holds them until it ends."""
    for first in range(_FIRST, _above() - _BLOCK + 1, _BLOCK):
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0callbox-test-ports-{first}")
        except OSError:
            name.close()
            continue
        _HELD.append(name)
        return itertools.cycle(range(first, first + _BLOCK))
    raise RuntimeError("all blocks of ports are taken")


_HELD: list[socket.socket] = []


def _above() -> int:
    """The first port that the kernel itself chooses; its usual one where it chooses from all."""
    lowest = int(_KERNELS.read_text().split()[0]) if _KERNELS.exists() else 0
    return lowest if lowest >= 2 * _FIRST else 32_768


def _is_free(port: int) -> bool:
    """For TCP and UDP."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as sock:
            try:
                sock.bind((HOST, port))
            except OSError:
                return False
    return True
