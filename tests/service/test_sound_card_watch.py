"""Sound cards that come and go; a real one: tests/lab/test_usb_card.py."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.service import netlink, sound_card_watch
from agent.service.sound_card_watch import SoundCardWatch, is_of_sound
from tests.waiting import PATIENCE

ADDED = b"add@/devices/x/sound/card1\0ACTION=add\0DEVPATH=/devices/x\0SUBSYSTEM=sound\0SEQNUM=9\0"
REMOVED = ADDED.replace(b"ACTION=add", b"ACTION=remove")
OTHER = ADDED.replace(b"SUBSYSTEM=sound", b"SUBSYSTEM=block")
CHANGED = ADDED.replace(b"ACTION=add", b"ACTION=change")


@pytest.mark.parametrize(
    ("uevent", "counts"),
    [(ADDED, True), (REMOVED, True), (OTHER, False), (CHANGED, False), (b"", False)],
)
def test_sound_card_watch_heeds_cards_that_come_and_go(uevent: bytes, counts: bool) -> None:
    assert is_of_sound(uevent) is counts


@given(st.binary(max_size=200))
def test_sound_card_watch_ignores_nonsense(data: bytes) -> None:
    assert not is_of_sound(data)


class Wire(socket.socket):
    """In place of the kernel's: what arrives comes from `port`."""

    port = 0

    def recvfrom(self, size: int, flags: int = 0) -> tuple[bytes, Any]:
        data, _ = super().recvfrom(size, flags)
        return data, (self.port, 1)


async def test_sound_card_watch_tells_a_burst_once_and_no_other_program_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    wire = Wire(fileno=ours.detach())
    wire.setblocking(False)
    monkeypatch.setattr(sound_card_watch, "SETTLING", 0.0)
    monkeypatch.setattr(netlink, "open_netlink", lambda _protocol, _groups: wire)
    told: list[None] = []
    changed = asyncio.Event()

    def change() -> None:
        told.append(None)
        changed.set()

    async with SoundCardWatch(change):
        wire.port = 4711
        kernel.send(ADDED)
        await turns()
        assert not told
        wire.port = 0
        kernel.send(OTHER)
        kernel.send(ADDED)
        async with asyncio.timeout(PATIENCE):
            await changed.wait()
    assert told == [None]
    assert wire.fileno() == -1
    kernel.close()


async def turns() -> None:
    """The loop has read what was sent before."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_sound_card_watch_goes_without_where_the_system_forbids_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forbid(_protocol: int, _groups: int) -> socket.socket:
        raise PermissionError("a sandbox")

    monkeypatch.setattr(netlink, "open_netlink", forbid)
    async with SoundCardWatch(lambda: None):
        pass


async def test_sound_card_watch_listens_to_this_machine_s_kernel() -> None:
    async with SoundCardWatch(lambda: None) as watch:
        assert watch._netlink.is_open
