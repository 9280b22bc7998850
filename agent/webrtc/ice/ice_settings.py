"""The settings of how a path to the remote peer is found."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from agent.core.call.ice_options import IceOptions
from agent.core.call.values import IceServer
from agent.options import (
    Duration,
    OptionalSecret,
    OptionalText,
    ReadableFile,
    Section,
    conflict,
)

MAX_ICE_SERVERS = 10
MAX_INTERFACES = 32
# of a range: calls and their renewals
MIN_PORTS = 2
_PORT_RANGE = re.compile(r"(\d{1,5})\s*-\s*(\d{1,5})", re.ASCII)
_ICE_URL = re.compile(
    r"(stun|turn|turns):([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?",
    re.ASCII,
)


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def check_ice_url(url: str) -> str:
    """A URL of RFC 7064 or 7065, as far as it can be used: no `stuns:`."""
    if "@" in url:
        raise ValueError("a URL with '@' in it: username and credential are keys of their own")
    form = _ICE_URL.fullmatch(url)
    if form is None or not 1 <= int(form[3] or 3478) <= 65535:
        raise ValueError(
            f"{url!r} is not stun:HOST[:PORT], turn:HOST[:PORT][?transport=udp|tcp] or "
            f"turns:HOST[:PORT]"
        )
    if form[1] == "stun" and form[4]:
        raise ValueError(f"{url!r}: a stun: URL has no transport")
    if form[1] == "turns" and form[4] == "udp":
        raise ValueError(f"{url!r}: turns: is TLS over TCP, not udp")
    if form[2].startswith("["):
        _check_ipv6(url, form[2][1:-1])
    return url


def _check_ipv6(url: str, address: str) -> None:
    try:
        IPv6Address(address)
    except ValueError:
        raise ValueError(f"{url!r}: {address!r} is not an IPv6 address") from None


def check_port_range(text: str) -> str:
    """Such as 50000-50100; empty for any port."""
    form = _PORT_RANGE.fullmatch(text.strip())
    if text.strip() and form is None:
        raise ValueError(f"{text!r} is not LOW-HIGH, such as 50000-50100")
    if form is not None:
        low, high = int(form[1]), int(form[2])
        if not 1024 <= low <= high <= 65_535:
            raise ValueError(f"{text!r}: ports go from 1024 to 65535, the lower one first")
        if high - low + 1 < MIN_PORTS:
            raise ValueError(f"{text!r} has fewer than {MIN_PORTS} ports: each call needs two")
    return text.strip()


def read_port_range(text: str) -> tuple[int, int] | None:
    """Both ends of one that was checked; None where any port will do."""
    form = _PORT_RANGE.fullmatch(text)
    return (int(form[1]), int(form[2])) if form is not None else None


class IceServerSettings(Section):
    """One entry of W3C's RTCIceServer list."""

    urls: Annotated[
        tuple[Annotated[str, AfterValidator(check_ice_url)], ...],
        BeforeValidator(_one_or_many),
        Field(min_length=1),
    ] = Field(
        description="One URL or a list: stun:HOST[:PORT], "
        "turn:HOST[:PORT][?transport=udp|tcp], turns:... for TLS."
    )
    username: OptionalText = Field(
        default=None,
        description="For turn and turns. Beside a secret it is optional, and stands "
        "after the time.",
    )
    credential: OptionalSecret = Field(default=None, description="The password for turn and turns.")
    secret: OptionalSecret = Field(
        default=None,
        description="In place of credential: what coturn calls static-auth-secret. Each call "
        "gets a username and a "
        "credential of its own that are good for a while.",
    )
    credential_lifetime: Duration = Field(
        default=86_400.0,
        description="How long those are good; longer than any call, or its relay may go.",
    )

    @model_validator(mode="after")
    def _turn_has_credentials(self) -> Self:
        turn = next((url for url in self.urls if not url.startswith("stun:")), None)
        if self.secret and self.credential:
            raise conflict("secret", "is given as well as credential; keep one of them")
        if turn and not self.secret and not (self.username and self.credential):
            raise conflict("urls", f"{turn!r} needs username and credential, or secret")
        return self

    def to_core(self) -> IceServer:
        """For the call, whose transports say it to the server."""
        return IceServer(
            self.urls,
            self.username,
            self.credential.get_secret_value() if self.credential else None,
            self.secret.get_secret_value() if self.secret else None,
            self.credential_lifetime,
        )


class IceSettings(Section):
    """How a path to the caller is found."""

    servers: tuple[IceServerSettings, ...] = Field(
        default=(),
        max_length=MAX_ICE_SERVERS,
        description='STUN and TURN servers, such as [{urls = "stun:192.0.2.1:3478"}]; for TURN '
        'with username and credential, or with secret (and credential_lifetime = "24h") where the '
        "server makes time-limited ones. At most 10. None by default: on one network none is "
        "needed, and nobody else learns of a call.",
    )
    ca_file: ReadableFile = Field(
        default=None,
        description="PEM file of authorities that may vouch for turns: servers, beside the "
        "system's own.",
    )
    transport_policy: Literal["all", "relay"] = Field(
        default="all",
        description="all, or relay: only through a TURN server, so that the caller does not "
        "see our address.",
    )

    interfaces: Annotated[tuple[str, ...], BeforeValidator(_one_or_many)] = Field(
        default=(),
        max_length=MAX_INTERFACES,
        description="Network interfaces whose addresses callers are offered: names or patterns, "
        'such as ["eth0", "wlan*"]. All by default, the default route\'s first and bridges of '
        "containers last.",
    )
    port_range: Annotated[str, AfterValidator(check_port_range)] = Field(
        default="",
        description="UDP ports for calls, for a firewall in front: LOW-HIGH, such as 50000-50100. "
        "Each call uses one, and a second one while its path is renewed. Any free port by default.",
    )

    def options(self) -> IceOptions:
        """What each transport is made with."""
        return IceOptions(
            tuple(server.to_core() for server in self.servers),
            self.transport_policy,
            interfaces=self.interfaces,
            port_range=read_port_range(self.port_range),
            ca_file=str(self.ca_file) if self.ca_file else None,
        )
