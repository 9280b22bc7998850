"""Handshakes with home-made certificates, as the parts of callbox make them. As a program it makes
them on whatever Python runs it, and prints JSON; tests/systemd/test_tls.py runs it on Debian's own.

    python tls_handshakes.py FOLDER VARIANT=PORT...

FOLDER/VARIANT has ca.pem, server.pem and server.key, and at PORT is a broker that has them.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from agent.errors import CallboxError
from agent.signaling.mqtt import mqtt_options
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions, TlsOptions
from agent.tls import tls_fault
from agent.web.certificates import CertificateFiles
from agent.webrtc.ice import gather

# seconds; its own, as this file runs without the others where only the package is
PATIENCE = 60.0

CLIENTS: dict[str, Callable[[str], ssl.SSLContext]] = {
    "broker": lambda ca_file: mqtt_options.tls_context(TlsOptions(ca_file)),
    "turns": gather.tls_context,
}


def handshake(client: ssl.SSLContext, server: ssl.SSLContext, name: str = "127.0.0.1") -> None:
    """Both ends in memory. Raises what a client, or a server, would."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(back, there, server_hostname=name),
        server.wrap_bio(there, back, server_side=True),
    )
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue


def serving(certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def _shake(make: Callable[[str], ssl.SSLContext], ca_file: str, server: ssl.SSLContext) -> None:
    handshake(make(ca_file), server)


def page_handshake(ca_file: str, certificate: str, key: str) -> None:
    """Of a browser that has a certificate of its own, at the page."""
    server = CertificateFiles(Path(certificate), Path(key), Path(ca_file)).read()
    handshake(mqtt_options.tls_context(TlsOptions(ca_file, certificate, key)), server)


async def connect(port: int, ca_file: str) -> None:
    """To a broker, as a device does. Raises CallboxError."""
    options = MqttOptions(port=port, client_id=f"tls-{port}", tls=TlsOptions(ca_file))
    async with MqttBroker(options) as broker:
        await broker.wait_decided(PATIENCE)


def _outcome(work: Callable[[], object]) -> str:
    """Empty, or what failed and what to do."""
    try:
        work()
    except ssl.SSLError as error:
        fault = tls_fault(error)
        return f"{fault.text}: {fault.advice}"
    except CallboxError as error:
        return str(error)
    return ""


def _cases(variant: Path, port: int) -> dict[str, Callable[[], object]]:
    files = [str(variant / name) for name in ("ca.pem", "server.pem", "server.key")]
    ca_file, certificate, key = files
    server = serving(certificate, key)
    return {
        **{name: partial(_shake, make, ca_file, server) for name, make in CLIENTS.items()},
        "page": lambda: page_handshake(*files),
        "a real broker": lambda: asyncio.run(connect(port, ca_file)),
        "Python's own": lambda: handshake(ssl.create_default_context(cafile=ca_file), server),
        "nobody named": lambda: handshake(mqtt_options.tls_context(TlsOptions()), server),
    }


def main(folder: Path, *brokers: str) -> dict[str, str]:
    found = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    for broker in brokers:
        variant, _, port = broker.rpartition("=")
        for name, work in _cases(folder / variant, int(port)).items():
            found[f"{variant}, {name}"] = _outcome(work)
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), *sys.argv[2:])))
