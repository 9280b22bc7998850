"""Which of this machine's addresses a call is offered: those that lead somewhere come first.

There is room for ten. A machine with containers has a bridge for each network of theirs, made
before the cable was plugged in, and all of them look alike by their addresses.
"""

from __future__ import annotations

import fcntl
import ipaddress
import logging
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from itertools import starmap
from typing import NamedTuple

from agent.ports import IceOptions
from agent.webrtc.internals import interface_addresses

log = logging.getLogger(__name__)

MAX_HOST_ADDRESSES = 10
# of containers and virtual machines
BRIDGES = ("docker*", "br-*", "veth*", "virbr*", "vnet*", "lxc*", "cni*", "podman*")

# documentation ranges (RFC 5737, 3849): on the way of the default route; nothing is sent there
_FAR = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
_DISCARD = 9
# netdevice(7)
_SIOCGIFFLAGS, _IFF_RUNNING = 0x8913, 0x40
_IFREQ = struct.Struct("16sh14x")


class LocalAddress(NamedTuple):
    interface: str
    address: str


class Choice(NamedTuple):
    """Addresses in order, and those that found no room."""

    chosen: list[str]
    left_out: list[LocalAddress]


class HostAddresses:
    """The addresses of this machine for a call; what is left out is said once."""

    def __init__(
        self,
        find: Callable[[], Iterable[LocalAddress]] = lambda: starmap(
            LocalAddress, interface_addresses()
        ),
    ) -> None:
        self._find = find
        self._told: list[LocalAddress] = []

    def choose(self, patterns: Sequence[str] = ()) -> list[str]:
        """Of the interfaces whose names match one of `patterns`; of all but loopback where there
        are none, and of loopback where there is no other.
        """
        found = list(self._find())
        if patterns:
            found = [each for each in found if _matches(each.interface, patterns)]
        else:
            found = [each for each in found if not ipaddress.ip_address(each.address).is_loopback]
        choice = in_order(found, default_addresses(), is_running)
        if choice.left_out and choice.left_out != self._told:
            self._told = choice.left_out
            log.warning(
                "of %d addresses %d are offered to callers; ice.interfaces chooses. Left out: %s",
                len(found),
                MAX_HOST_ADDRESSES,
                ", ".join(f"{each.address} ({each.interface})" for each in choice.left_out),
            )
        return choice.chosen or ([] if patterns else ["127.0.0.1"])


def in_order(
    addresses: Iterable[LocalAddress], default: Iterable[str], running: Callable[[str], bool]
) -> Choice:
    """The addresses that the default route uses come first, then the first address of each kind of
    every interface, the default route's before others, then further ones; bridges, and interfaces
    that are down, are last.
    """
    addresses, default = list(addresses), list(default)
    routed = {each.interface for each in addresses if each.address in default}
    seen: Counter[tuple[str, bool]] = Counter()
    ranked = []
    for each in addresses:
        kind = each.interface, ":" in each.address
        far = each.interface not in routed
        last = far and (_matches(each.interface, BRIDGES) or not running(each.interface))
        ranked.append(((each.address not in default, last, seen[kind], far), each))
        seen[kind] += 1
    ordered = [each for _, each in sorted(ranked, key=lambda pair: pair[0])]
    chosen = [each.address for each in ordered[:MAX_HOST_ADDRESSES]]
    return Choice(chosen, ordered[MAX_HOST_ADDRESSES:])


def default_addresses() -> list[str]:
    """The addresses that packets to anywhere would have, one of each family that has a default
    route.
    """
    found = []
    for family, far in _FAR.items():
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as asking:
                asking.connect((far, _DISCARD))
                found.append(str(asking.getsockname()[0]))
        except OSError:
            # no route of this family, or no such family
            continue
    return found


def is_running(interface: str) -> bool:
    """Whether it is up, with a carrier; so is one that cannot be asked."""
    request = _IFREQ.pack(interface.encode()[:15], 0)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            answer = fcntl.ioctl(asking.fileno(), _SIOCGIFFLAGS, request)
    except OSError:
        return True
    return bool(_IFREQ.unpack(answer)[1] & _IFF_RUNNING)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


host_addresses = HostAddresses()


def addresses_for(options: IceOptions) -> list[str]:
    """Those of `options`, or what this machine has, at most `MAX_HOST_ADDRESSES`."""
    named = list(options.host_addresses[:MAX_HOST_ADDRESSES])
    return named or host_addresses.choose(options.interfaces)
