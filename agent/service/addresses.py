"""Changes of this machine's addresses, as the kernel tells them (rtnetlink(7)).

Only addresses that a call could be made from count: no loopback, no link-local, no tentative ones,
and none of IPv6's temporary ones, which come and go by the clock. A burst of changes is told of
once. With no address at all there is nothing to do, and if then the same ones return (a cable
pulled and plugged) sockets bound to them work again.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import NamedTuple, Self

from agent.service.netlink import NetlinkListener

logger = logging.getLogger(__name__)

# seconds without a further change, after which one is told of
SETTLING = 0.25

_GROUPS = 0x10 | 0x100  # RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR
_DONE, _NEW_ADDRESS, _DELETED_ADDRESS, _GET_ADDRESSES = 3, 20, 21, 22
_REQUEST_DUMP = 0x301  # NLM_F_REQUEST, NLM_F_DUMP
_ADDRESS, _LOCAL, _FLAGS = 1, 2, 8  # attributes: IFA_...
_UNUSABLE = 0x01 | 0x08 | 0x40  # IFA_F_TEMPORARY, IFA_F_DADFAILED, IFA_F_TENTATIVE
_SCOPE_LINK = 253
# nlmsghdr: length, type, flags, sequence, port
_HEADER = struct.Struct("=IHHII")
# ifaddrmsg: family, prefix length, flags, scope, interface
_MESSAGE = struct.Struct("=BBBBI")
_ATTRIBUTE = struct.Struct("=HH")  # rtattr: length, type


class AddressChange(NamedTuple):
    """One message: an address that is there now (`usable` or not), or that is gone (never
    usable).
    """

    interface: int
    address: str
    usable: bool


class AddressWatch:
    """Calls `on_change` on the loop whenever the addresses are others than before, and there are
    any.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._found: set[tuple[int, str]] = set()
        # None until the first list is complete
        self._told: frozenset[tuple[int, str]] | None = None
        self._netlink = NetlinkListener(socket.NETLINK_ROUTE, _GROUPS, self._read, self._ask)
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._netlink.__aenter__()
        except OSError as error:
            # no Linux, or a sandbox: silence is noticed all the same
            logger.warning("changes of address are not noticed at once: %s", error)
            return self
        self._ask()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._netlink.__aexit__(kind, error, trace)

    def _ask(self) -> None:
        """For every address there is. They come as if they were new."""
        self._found.clear()
        self._netlink.send(
            _HEADER.pack(_HEADER.size + _MESSAGE.size, _GET_ADDRESSES, _REQUEST_DUMP, 1, 0)
            + bytes(8)
        )

    def _read(self, data: bytes) -> None:
        for kind, body in read_messages(data):
            if kind == _DONE:
                self._complete()
            else:
                self._note(read_change(kind, body))

    def _complete(self) -> None:
        if self._told is None:
            self._told = frozenset(self._found)
        self._settle()

    def _note(self, change: AddressChange | None) -> None:
        if change is None:
            return
        if change.usable:
            self._found.add((change.interface, change.address))
        else:
            self._found.discard((change.interface, change.address))
        self._settle()

    def _settle(self) -> None:
        if self._told is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(SETTLING, self._tell)

    def _tell(self) -> None:
        found = frozenset(self._found)
        if not found or found == self._told:
            return
        self._told = found
        logger.info(
            "our addresses are now %s", ", ".join(sorted({address for _, address in found}))
        )
        self._on_change()


def read_messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each message in a datagram, up to the first that is cut short."""
    while len(data) >= _HEADER.size:
        length, kind, *_ = _HEADER.unpack_from(data)
        if not _HEADER.size <= length <= len(data):
            return
        yield kind, data[_HEADER.size : length]
        data = data[_aligned(length) :]


def read_change(kind: int, body: bytes) -> AddressChange | None:
    """What a message says of an address; None where it is about something else, or not to be
    understood.
    """
    if kind not in (_NEW_ADDRESS, _DELETED_ADDRESS) or len(body) < _MESSAGE.size:
        return None
    family, _, flags, scope, interface = _MESSAGE.unpack_from(body)
    attributes = dict(_attributes(body[_MESSAGE.size :]))
    # on a point-to-point link they differ
    raw = attributes.get(_LOCAL) or attributes.get(_ADDRESS, b"")
    if len(raw) != {socket.AF_INET: 4, socket.AF_INET6: 16}.get(family):
        return None
    if len(attributes.get(_FLAGS, b"")) == 4:
        (flags,) = struct.unpack("=I", attributes[_FLAGS])
    usable = kind == _NEW_ADDRESS and scope < _SCOPE_LINK and not flags & _UNUSABLE
    return AddressChange(interface, socket.inet_ntop(family, raw), usable)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if not _ATTRIBUTE.size <= length <= len(data):
            return
        yield kind, data[_ATTRIBUTE.size : length]
        data = data[_aligned(length) :]


def _aligned(length: int) -> int:
    return (length + 3) & ~3
