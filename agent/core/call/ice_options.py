"""How a transport may reach its remote peer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.core.call.values import IceServer


@dataclass(frozen=True, slots=True)
class IceOptions:
    """`servers` is explicit and empty by default: never a third party's. `transport_policy` is
    `all` or `relay`.

    `host_addresses` are the local addresses to use; empty: those of interfaces whose names match
    one of the patterns `interfaces`; without patterns every one but loopback, and loopback if there
    is no other. `port_range`: the UDP ports of host candidates, both ends included.

    `ca_file` (PEM) holds authorities that may vouch for `turns:` servers, beside the system's.
    """

    servers: tuple[IceServer, ...] = ()
    transport_policy: str = "all"
    host_addresses: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    port_range: tuple[int, int] | None = None
    ca_file: str | None = None

    def beside(self, servers: tuple[IceServer, ...]) -> IceOptions:
        """With the servers of a remote peer beside our own. Under `relay` ours alone: a server of
        its own would see the address that is to be hidden.
        """
        if self.transport_policy == "relay":
            return self
        return replace(self, servers=(*self.servers, *servers))
