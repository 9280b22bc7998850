"""What it is that listens where a broker should, once it has not answered an MQTT 5 CONNECT as a
broker does.

Asked in the words of MQTT 3.1.1, which everybody who speaks MQTT understands, and with TLS.
"""

from __future__ import annotations

import secrets
import socket
import ssl
from enum import StrEnum

from agent.signaling.mqtt.broker_advice import VERSION_5
from agent.signaling.mqtt.disconnect import DisconnectReason

# seconds, for each step
TIMEOUT = 2.0
_PREFIX = b"\x00\x04MQTT\x04\x02\x00\x0a"
_PORTS = "Check mqtt.port: brokers are usually at 1883, or with TLS at 8883."


class Listening(StrEnum):
    """What was found, in words."""

    OLD = "the broker speaks MQTT 3.1.1 only"
    WEB = "that is a web server, not a broker"
    TLS = "the port speaks TLS"
    SSH = "that is an SSH server, not a broker"
    AMQP = "that is AMQP, not MQTT"


_BEGINNINGS = (
    (b"\x20\x02", Listening.OLD),
    (b"HTTP", Listening.WEB),
    (b"\x15\x03", Listening.TLS),
    (b"SSH-", Listening.SSH),
    (b"AMQP", Listening.AMQP),
)
_ADVICE = {
    Listening.OLD: VERSION_5,
    Listening.WEB: _PORTS,
    Listening.TLS: "Set mqtt.tls.enabled to true.",
    Listening.SSH: _PORTS,
    Listening.AMQP: "RabbitMQ speaks MQTT at another port, 1883, with its plugin rabbitmq_mqtt.",
}


def look(host: str, port: int, tls: ssl.SSLContext | None) -> DisconnectReason | None:
    """What is there, as the reason for the loss; None where that is not clear. Blocks for a few
    seconds at most.
    """
    found = _asked(host, port, tls)
    if found is None and tls is None and _speaks_tls(host, port):
        found = Listening.TLS
    return None if found is None else DisconnectReason(found, slow=True, advice=_ADVICE[found])


def _asked(host: str, port: int, tls: ssl.SSLContext | None) -> Listening | None:
    client_id = f"callbox-probe-{secrets.token_hex(4)}".encode()
    body = _PREFIX + len(client_id).to_bytes(2) + client_id
    try:
        with socket.create_connection((host, port), TIMEOUT) as plain:
            connection = tls.wrap_socket(plain, server_hostname=host) if tls else plain
            with connection:
                connection.sendall(bytes([0x10, len(body)]) + body)
                answer = connection.recv(16)
    except OSError:
        return None
    return next((found for begin, found in _BEGINNINGS if answer.startswith(begin)), None)


def _speaks_tls(host: str, port: int) -> bool:
    """Whether a handshake gets as far as certificates; nothing is sent after it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), TIMEOUT) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return True
    except ssl.SSLError as error:
        # it has read our hello, and wants something else of us
        return "ALERT" in (error.reason or "")
    except OSError:
        return False
