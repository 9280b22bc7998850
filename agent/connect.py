"""The composition root of a caller, as `agent.daemon` is the device's: a URL becomes adapters."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal, Self
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr, ValidationError

from agent.errors import ConfigurationError
from agent.ports import PeerFactory, Signaling
from agent.service.addresses import AddressWatch
from agent.signaling.broker import MessageStream
from agent.signaling.channel import SignalingChannel
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions, TlsOptions
from agent.signaling.protocol.topics import Topics, is_uid
from agent.webrtc.peer import make_peer

_SCHEMES: dict[str, tuple[int, Literal["tcp", "websockets"], bool]] = {
    "mqtt": (1883, "tcp", False),
    "mqtts": (8883, "tcp", True),
    "ws": (80, "websockets", False),
    "wss": (443, "websockets", True),
}
_FORM = "mqtt://[USER[:PASSWORD]@]HOST[:PORT], or the same with mqtts://, ws:// or wss://"
_ENCODE = "in a user name or password percent-encode / ? # and @"


@dataclass(frozen=True, slots=True)
class BrokerUrl:
    """Where a broker is and how it wants to be spoken to."""

    host: str
    port: int
    transport: Literal["tcp", "websockets"]
    path: str
    username: str | None
    password: SecretStr | None
    tls: TlsOptions | None

    @classmethod
    def parse(
        cls,
        url: str,
        *,
        password: str | None = None,
        ca_file: str | None = None,
        cert_file: str | None = None,
        key_file: str | None = None,
    ) -> Self:
        """`password` counts where `url` has none. Files are PEM.

        Raises ConfigurationError, which quotes nothing that may hold a password.
        """
        parts = _split(url)
        default, transport, tls = _SCHEMES[parts.scheme]
        files = (ca_file, cert_file, key_file)
        if any(files) and not tls:
            raise _unusable(f"{parts.scheme}:// is not encrypted: certificates need mqtts or wss")
        secret = unquote(parts.password) if parts.password else password
        assert parts.hostname is not None  # noqa: S101 - for the type checker
        return cls(
            host=parts.hostname,
            port=parts.port or default,
            transport=transport,
            path=parts.path or "/mqtt",
            username=unquote(parts.username) if parts.username else None,
            password=SecretStr(secret) if secret else None,
            tls=TlsOptions(*files) if tls else None,
        )

    def options(self, client_id: str, uid: str | None = None) -> MqttOptions:
        """For a session that ends with its connection; `uid` is the user name where there is a
        password alone. Raises ConfigurationError.
        """
        try:
            return MqttOptions(
                host=self.host,
                port=self.port,
                client_id=client_id,
                username=self.username or (uid if self.password else None),
                password=self.password,
                tls=self.tls,
                transport=self.transport,
                path=self.path,
                session_expiry=0,
            )
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            raise _unusable(f"{fault['loc'][0]} cannot be used") from None


@dataclass(frozen=True, slots=True)
class BrokerLink:
    """What a client needs of the world."""

    signaling: Signaling
    peers: PeerFactory
    _broker: MqttBroker
    _topics: Topics

    def status_of(self, uid: str) -> MessageStream:
        """What the device `uid` says of itself, what is retained first; nothing of who is none."""
        return self._broker.subscribe(self._topics.status(uid))

    @asynccontextmanager
    async def watching_addresses(self, on_change: Callable[[], None]) -> AsyncIterator[None]:
        """Call `on_change` whenever this machine's addresses are others than before."""

        def changed() -> None:
            self._broker.addresses_changed()
            on_change()

        async with AddressWatch(changed):
            yield


@asynccontextmanager
async def connected(
    address: BrokerUrl, *, uid: str, prefix: str, timeout: float
) -> AsyncIterator[BrokerLink]:
    """Connected to the broker as a client of its own of `uid`.

    Raises ConfigurationError for an unusable `uid` or `prefix`, NotConnected where the broker
    refuses or does not answer within `timeout` seconds.
    """
    if not is_uid(uid):
        raise _unusable(f"{uid!r} is not a uid (letters, digits, '_', '.', '-'; at most 64)")
    try:
        topics = Topics(prefix)
    except ValueError as error:
        raise _unusable(f"prefix: {error}") from None
    party = str(uuid.uuid4())
    broker = MqttBroker(address.options(f"callbox-{uid}-{party[:8]}", uid))
    signaling = SignalingChannel(broker, uid=uid, prefix=prefix, party=party)
    async with broker:
        await broker.wait_decided(timeout)
        yield BrokerLink(signaling, make_peer, broker, topics)


def _split(url: str) -> SplitResult:
    """Raises ConfigurationError for what is no address of a broker."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise _unusable(f"the broker's URL has no usable host or port; {_ENCODE}") from None
    if parts.scheme not in _SCHEMES:
        scheme, mark, _ = url.partition("://")
        raise _unusable(f"a broker's URL is {_FORM}" + (f", not {scheme[:20]}://" if mark else ""))
    if not usable:
        raise _unusable(f"a broker's URL is {_FORM}; this one names no host")
    has_path = _SCHEMES[parts.scheme][1] == "websockets"
    if parts.query or parts.fragment or (parts.path.strip("/") and not has_path):
        raise _unusable(f"the broker's URL goes on after its port; {_ENCODE}")
    return parts


def _unusable(fault: str) -> ConfigurationError:
    return ConfigurationError([fault])
