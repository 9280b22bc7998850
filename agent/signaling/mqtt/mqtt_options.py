"""Where the broker is, and how to speak to it."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from agent.errors import SignalingError


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """Files are PEM. Without `ca_file` the system's authorities count. `insecure` checks nothing:
    for trials only.
    """

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class MqttOptions:
    """One MQTT 5 connection. Times in seconds."""

    host: str = "127.0.0.1"
    port: int = 1883
    client_id: str = ""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    keepalive: int = 30
    # for how long the broker keeps our session after a loss
    session_expiry: int = 3600
    tls: TlsOptions | None = None
    transport: Literal["tcp", "websockets"] = "tcp"
    path: str = "/mqtt"  # of the WebSocket
    # the pause after the first failure; it doubles, with jitter
    retry_first: float = 2.0
    # by so much at most a broker's return is noticed late
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
