"""ICE servers that a remote peer names: asked only where the answer tells nothing of our network.

A caller who chose host and port freely would have a port scanner inside the house: whether a
server answers, and how fast, shows in when our candidates end.
"""

from __future__ import annotations

import ipaddress

from agent.counts import RefusalKind, refusals
from agent.webrtc.ice.resolver import Lookups

# 80 and 443 for what gets through firewalls, and the ports of RFC 8489
_WELL_KNOWN = frozenset((80, 443))
_UNPRIVILEGED = 1024
# at the same time; our own servers have lookups of their own
MAX_FOREIGN_LOOKUPS = 2
# NAT64 (RFC 6052): an IPv4 address inside
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

_lookups = Lookups(MAX_FOREIGN_LOOKUPS)


def is_sensible_port(port: int) -> bool:
    """Whether a STUN or TURN server may be there: 80, 443 or unprivileged."""
    return port in _WELL_KNOWN or port >= _UNPRIVILEGED


def is_global(address: str) -> bool:
    """Whether `address` is on the Internet, and none of this host, its network or a tunnel."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_global(str(ip.ipv4_mapped))
        if ip in _NAT64 or ip.sixtofour is not None or ip.teredo is not None:
            return False
    return ip.is_global and not ip.is_multicast


async def resolve_foreign(host: str) -> list[str]:
    """The global addresses of `host`. Raises OSError where there is none."""
    found = [address for address in await _lookups.resolve(host) if is_global(address)]
    if not found:
        refusals.count(RefusalKind.ICE_SERVER)
        raise OSError("it has no global address, and a caller may name no other")
    return found
