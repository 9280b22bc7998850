"""ICE servers as Link headers (RFC 9725 4.6): one header for each URL, as clients read them."""

from __future__ import annotations

from collections.abc import Iterable

from agent.core.call.values import IceServer


def ice_links(servers: Iterable[IceServer]) -> list[tuple[str, str]]:
    """`servers` with credentials, not with a secret."""
    return [("Link", _link(url, server)) for server in servers for url in server.urls]


def _link(url: str, server: IceServer) -> str:
    link = f'<{url}>; rel="ice-server"'
    if not server.username or not server.credential:
        return link
    name, password = _quoted(server.username), _quoted(server.credential)
    return f'{link}; username="{name}"; credential="{password}"; credential-type="password"'


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
