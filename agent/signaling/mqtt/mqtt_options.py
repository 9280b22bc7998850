"""Where the broker is, and how to speak to it."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from agent.errors import SignalingError
from agent.options import (
    Host,
    OptionalSecret,
    OptionalText,
    Real,
    RequiredFile,
    Section,
    Whole,
    conflict,
)
from agent.tls import trust_alike


class TlsSettings(Section):
    """Encryption to the broker. A port number alone never switches it on."""

    enabled: bool = Field(default=False, description="Whether to speak TLS to the broker.")
    ca_file: RequiredFile = Field(
        default=None,
        description="PEM file of the authorities that may vouch for the broker. The system's "
        "unless given.",
    )
    cert_file: RequiredFile = Field(
        default=None,
        description="PEM file of this device's certificate, for a broker that asks for one.",
    )
    key_file: RequiredFile = Field(
        default=None, description="PEM file of the private key that belongs to cert_file."
    )

    @model_validator(mode="after")
    def _certificate_has_key(self) -> Self:
        if self.cert_file and not self.key_file:
            raise conflict("cert_file", f"'{self.cert_file}' needs key_file beside it")
        if self.key_file and not self.cert_file:
            raise conflict("key_file", f"'{self.key_file}' needs cert_file beside it")
        return self

    def options(self) -> TlsOptions | None:
        """None where TLS is not to be spoken."""
        if not self.enabled:
            return None
        ca, certificate, key = (
            str(file) if file else None for file in (self.ca_file, self.cert_file, self.key_file)
        )
        return TlsOptions(ca, certificate, key)


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """How TLS is spoken. Without `ca_file` the system's authorities count. `insecure` checks
    nothing: for trials only.
    """

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    insecure: bool = False


class MqttSettings(Section):
    """A broker, and how to speak to it."""

    host: Host = Field(default="127.0.0.1", description="Name or address of the broker.")
    port: Whole = Field(
        default=1883, ge=1, le=65535, description="TCP port. 8883 is not magic: see [mqtt.tls]."
    )
    username: OptionalText = Field(
        default=None,
        description="The broker's name for this device; its access rules are easiest with the uid, "
        "which it is where there is a password alone.",
    )
    password: OptionalSecret = Field(
        default=None,
        description="Better kept out of files that are shown to others: the systemd credential "
        "mqtt__password.",
    )
    keepalive: Whole = Field(
        default=30,
        ge=5,
        le=3600,
        description="Seconds between signs of life. The broker says `offline` for us after one "
        "and a half of these.",
    )
    retry_longest: Real = Field(
        default=3.0,
        ge=2,
        le=3600,
        description="Seconds between two attempts to reach a broker that is away: at most so "
        "many, at random, and at "
        "least half as many. So long its return may go unnoticed. A fleet of many thousands "
        "wants more, or all of it "
        "returns at once. Where the broker refuses us it is up to 300.",
    )
    tls: TlsSettings = TlsSettings()

    def login(self, uid: str) -> str | None:
        """The user name: where only a password is given, the uid, as the page does it. MQTT 5 lets
        a password go alone, yet few brokers do, and paho would not send it.
        """
        return uid if self.password and not self.username else self.username

    def connection(self, client_id: str, uid: str | None = None) -> MqttOptions:
        """How `uid` connects as `client_id`; under that name as well unless given."""
        values = {name: getattr(self, name) for name in MqttSettings.model_fields}
        values |= {"tls": self.tls.options(), "username": self.login(uid or client_id)}
        return MqttOptions(**values, client_id=client_id)


class DeviceMqttSettings(MqttSettings):
    """The broker through which invitations come and events go."""

    will_delay: Whole = Field(
        default=5,
        ge=0,
        le=300,
        description="Seconds for which the broker waits with `offline` once we are cut off: a blip "
        "of the network is no absence. 0 for a broker that keeps no delayed will.",
    )


class MqttOptions(MqttSettings):
    """One MQTT 5 connection: the settings, and what is no setting. Times in seconds.

    A program may be quicker than a device should, so the settings' bounds of times do not hold.
    """

    client_id: str = ""
    keepalive: int = 30
    # for how long the broker keeps our session after a loss
    session_expiry: int = 3600
    # on leaving in good order as well
    keeps_session: bool = True
    # None: in the clear, which the section says by `enabled`
    tls: TlsOptions | None = None  # type: ignore[assignment]
    # QoS 1 messages that the broker may send us before we acknowledge one
    receive_maximum: int = 32
    transport: Literal["tcp", "websockets"] = "tcp"
    path: str = "/mqtt"  # of the WebSocket
    # members of a group share what is subscribed to
    shares: bool = False
    # look what it is that listens, where no broker answers
    second_look: bool = True
    # the pause after the first failure; it doubles, with jitter
    retry_first: float = 2.0
    retry_longest: float = 3.0
    # the first pause where trying again soon cannot help
    retry_refused: float = 15.0
    retry_refused_longest: float = 300.0
    # messages that wait to be sent; one more is refused
    max_queued: int = 1000
    max_queued_bytes: int = 8 * 1024 * 1024
    # for sending what is queued, on leaving
    close_timeout: float = 3.0


class TlsContext(ssl.SSLContext):
    """A context whose files can be read anew: what was rotated on the disk counts from the next
    connection on.
    """

    _latest: ssl.SSLContext

    @property
    def latest(self) -> ssl.SSLContext:
        """As the files were when they were last read."""
        return self._latest

    def renew(self, tls: TlsOptions) -> None:
        """Read the files. Raises SignalingError, which names the one at fault."""
        self._latest = tls_context(tls)
        self._latest.sslsocket_class = _TidySocket

    def wrap_socket(self, sock: socket.socket, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        return self._latest.wrap_socket(sock, *arguments, **options)


class _TidySocket(ssl.SSLSocket):
    """Closes itself when the handshake fails; paho would leave it to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def tls_context(tls: TlsOptions) -> ssl.SSLContext:
    """A context for `tls`. Raises SignalingError, which names the file at fault."""
    try:
        context = ssl.create_default_context(cafile=_readable("CA file", tls.ca_file))
    except ssl.SSLError as error:
        raise SignalingError(f"CA file {tls.ca_file}: {error.reason or error}") from error
    trust_alike(context)
    if tls.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    _load_client_certificate(context, tls)
    return context


def _load_client_certificate(context: ssl.SSLContext, tls: TlsOptions) -> None:
    certificate, key = (
        _readable("client certificate", tls.cert_file),
        _readable("client key", tls.key_file),
    )
    if certificate is None:
        return
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise SignalingError(
            f"client certificate {certificate} with key {key or certificate}: {reason}"
        ) from error


def _no_password() -> str:
    """In place of OpenSSL's own question on the terminal."""
    raise SignalingError(
        "the client key is encrypted; store it without a passphrase, readable by the service alone"
    )


def _readable(what: str, path: str | None) -> str | None:
    """`path`, or None where it is empty. OpenSSL's own error would not say which file is
    missing.
    """
    if not path:
        return None
    try:
        with Path(path).open("rb"):
            return path
    except OSError as error:
        raise SignalingError(f"{what} {path}: {error.strerror}") from error
