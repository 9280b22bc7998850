"""STUN and TURN servers: their URLs (RFC 7064, 7065), and the credentials that are good for a
while.

A credential with a shared secret is made anew for each call, in the form that coturn's
`use-auth-secret` and most providers of TURN take: the username is the time of its end, the password
an HMAC of that.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from agent.core.call.events import IceServer
from agent.counts import RefusalKind, refusals
from agent.webrtc.ice.foreign_servers import is_sensible_port

log = logging.getLogger(__name__)

MAX_SERVERS = 10

_URL = re.compile(
    r"(?P<scheme>stuns?|turns?):(?:\[(?P<literal>[0-9a-f:.]+)\]|(?P<host>[^?:\[\]\s]+))(?::(?P<port>\d{1,5}))?"
    r"(?:\?transport=(?P<transport>[a-z]+))?",
    re.IGNORECASE | re.ASCII,
)
_EXPIRY = re.compile(r"(\d{9,11})(?::|$)", re.ASCII)


@dataclass(frozen=True, slots=True)
class UsableServer:
    """One address of a STUN or TURN server."""

    # stun, turn or turns
    scheme: str
    host: str
    port: int
    transport: str  # udp or tcp
    username: str | None = None
    credential: str | None = field(default=None, repr=False)
    # named by a remote peer: asked at a global address alone
    is_foreign: bool = False

    @property
    def name(self) -> str:
        """What it is called where its failure is told."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        how = "?transport=tcp" if (self.scheme, self.transport) == ("turn", "tcp") else ""
        return f"{self.scheme}:{host}:{self.port}{how}"

    def expired(self, now: float) -> datetime | None:
        """When its credential ended, if that is told by its username and was before `now` (Unix
        seconds).
        """
        told = _EXPIRY.match(self.username or "")
        if told is None or int(told[1]) >= now:
            return None
        return datetime.fromtimestamp(int(told[1]), UTC)


def time_limited(server: IceServer, now: float) -> IceServer:
    """`server` with a username and a credential good from `now` on, where it has a shared
    secret.
    """
    if server.secret is None:
        return server
    end = f"{int(now + server.credential_lifetime)}"
    username = f"{end}:{server.username}" if server.username else end
    digest = hmac.digest(server.secret.encode(), username.encode(), hashlib.sha1)
    return replace(
        server, username=username, credential=base64.b64encode(digest).decode(), secret=None
    )


def usable_servers(servers: Iterable[IceServer], now: float) -> list[UsableServer]:
    """Each address of each server, once; those that cannot be used are logged and left out. `now`
    is Unix seconds.
    """
    usable: dict[UsableServer, None] = {}
    for server in servers:
        for url in server.urls:
            try:
                usable[_read_server(time_limited(server, now), url)] = None
            except ValueError as error:
                if server.is_foreign:
                    refusals.count(RefusalKind.ICE_SERVER)
                log.warning("the ICE server %.200r is not used: %s", url, error)
    return list(usable)[:MAX_SERVERS]


def _read_server(server: IceServer, url: str) -> UsableServer:
    form = _URL.fullmatch(url)
    if form is None:
        raise ValueError("it is no URL of a STUN or TURN server")
    scheme = form["scheme"].lower()
    transport = (form["transport"] or ("tcp" if scheme == "turns" else "udp")).lower()
    if (
        scheme == "stuns"
        or transport not in ("udp", "tcp")
        or (scheme, transport) == ("turns", "udp")
    ):
        raise ValueError("its transport is not supported")
    if scheme == "stun" and form["transport"]:
        raise ValueError("a stun: URL has no transport")
    port = int(form["port"] or (5349 if scheme == "turns" else 3478))
    if not 0 < port < 65_536:
        raise ValueError("its port is out of range")
    if server.is_foreign and not is_sensible_port(port):
        raise ValueError("its port belongs to other services")
    host = str(ipaddress.IPv6Address(form["literal"])) if form["literal"] else form["host"]
    if scheme == "stun":
        return UsableServer(scheme, host, port, transport, is_foreign=server.is_foreign)
    if not (server.username and server.credential):
        raise ValueError("it has no username or no credential")
    return UsableServer(
        scheme,
        host,
        port,
        transport,
        server.username,
        server.credential,
        is_foreign=server.is_foreign,
    )
