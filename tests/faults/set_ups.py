"""Brokers that are set up wrongly, and ports that are no brokers, as a table."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.scripted_broker import PUBLISH, SUBSCRIBE, Connection, Script, ScriptedBroker
from tests.free_ports import free_port
from tests.signaling.mqtt.certificates import Authority
from tests.signaling.mqtt.servers import serving

Mqtt = dict[str, Any]
Opening = AbstractAsyncContextManager[Mqtt]


@dataclass(frozen=True, slots=True)
class SetUp:
    """`opening` runs it and gives the settings of `mqtt`; `words` are what a person needs."""

    opening: Callable[[Path], Opening]
    words: tuple[str, ...]


def answering(data: bytes, *words: str) -> SetUp:
    """A port that says this to whatever it is told."""

    @asynccontextmanager
    async def opening(_folder: Path) -> AsyncIterator[Mqtt]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(data)
            await writer.drain()

        async with serving(serve) as port:
            yield {"port": port}

    return SetUp(opening, words)


def at(host: str, *words: str) -> SetUp:
    """Nobody is there."""

    @asynccontextmanager
    async def opening(_folder: Path) -> AsyncIterator[Mqtt]:
        yield {"host": host, "port": free_port()}

    return SetUp(opening, words)


def refusing(reason: int, *words: str) -> SetUp:
    """A broker that refuses CONNECT."""

    async def script(connection: Connection) -> None:
        await connection.read_any()
        connection.connack(reason)

    return scripted(script, *words)


def scripted(script: Script, *words: str, **mqtt: Any) -> SetUp:
    @asynccontextmanager
    async def opening(_folder: Path) -> AsyncIterator[Mqtt]:
        async with ScriptedBroker([script]) as broker:
            yield {"port": broker.port, **mqtt}

    return SetUp(opening, words)


async def serve(
    connection: Connection,
    refused: str = "",
    reason: int | None = 0x87,
    granted: int | None = None,
) -> None:
    """As a broker does, but for one filter: None ends the connection, or leaves it unanswered (-1).
    `granted` is the highest QoS.
    """
    while True:
        packet = await connection.read_any()
        if packet.kind == SUBSCRIBE:
            named = refused and any(name.endswith(refused) for name, _ in packet.filters)
            if named and reason is None:
                return
            if named and reason == -1:
                continue
            most = 2 if granted is None else granted
            answers = [
                reason or 0 if refused and name.endswith(refused) else min(qos, most)
                for name, qos in packet.filters
            ]
            connection.suback(packet, *answers)
        elif packet.kind == PUBLISH and packet.qos:
            connection.puback(packet)


def allowing(*words: str, **properties: int) -> SetUp:
    """A broker that says this of itself."""

    async def script(connection: Connection) -> None:
        await connection.accept(session_present=False, **properties)
        await serve(connection)

    return scripted(script, *words)


def subscriptions(
    refused: str, reason: int | None, *words: str, granted: int | None = None
) -> SetUp:
    async def script(connection: Connection) -> None:
        await connection.accept()
        await serve(connection, refused, reason, granted)

    return scripted(script, *words)


def ended(reason: int, *words: str) -> SetUp:
    """A broker that ends each connection as soon as there is one."""

    async def script(connection: Connection) -> None:
        await connection.accept()
        await connection.subscribed()
        connection.disconnect(reason)
        await connection.hung_up()

    return scripted(script, *words)


# --- TLS ------------------------------------------------------------------------------------------

Certificate = Callable[[Authority, Path], tuple[ssl.SSLContext, dict[str, Any]]]


def over_tls(certificate: Certificate, *words: str, host: str = "127.0.0.1") -> SetUp:
    """A broker with that certificate; what it gives beside is of `mqtt.tls`."""

    async def script(connection: Connection) -> None:
        await connection.accept()
        await serve(connection)

    @asynccontextmanager
    async def opening(folder: Path) -> AsyncIterator[Mqtt]:
        context, changes = await asyncio.to_thread(certificate, Authority(folder), folder)
        async with ScriptedBroker([script], tls=context) as broker:
            yield {"host": host, "port": broker.port, "tls": {"enabled": True, **changes}}

    return SetUp(opening, words)


def server(certificate: str, key: str, clients: str | None = None) -> ssl.SSLContext:
    """`clients`: who has to vouch for those."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if clients is not None:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def issued(**options: Any) -> Certificate:
    def make(authority: Authority, _folder: Path) -> tuple[ssl.SSLContext, dict[str, Any]]:
        return server(*authority.issue("server", **options)), {"ca_file": authority.file}

    return make


def not_named(authority: Authority, _folder: Path) -> tuple[ssl.SSLContext, dict[str, Any]]:
    """The authority is named nowhere."""
    return server(*authority.issue("server")), {}


def another(authority: Authority, folder: Path) -> tuple[ssl.SSLContext, dict[str, Any]]:
    """Another authority is named."""
    return server(*authority.issue("server")), {"ca_file": Authority(folder, "other").file}


def made_by_openssl(*lines: str, usage: str = "") -> Certificate:
    """`lines` are extensions of the authority, `usage` of the server."""

    def make(_authority: Authority, folder: Path) -> tuple[ssl.SSLContext, dict[str, Any]]:
        ca, key, request, certificate = (
            str(folder / name) for name in ("o.pem", "o.key", "s.csr", "s.pem")
        )
        config = folder / "o.cnf"
        config.write_text(
            "[req]\ndistinguished_name=d\nx509_extensions=e\n[d]\n[e]\n" + "\n".join(lines)
        )
        new = ["openssl", "req", "-newkey", "rsa:2048", "-nodes"]
        _openssl(
            *new,
            "-x509",
            "-days",
            "2",
            "-subj",
            "/CN=home",
            "-config",
            str(config),
            "-keyout",
            key,
            "-out",
            ca,
        )
        _openssl(*new, "-subj", "/CN=localhost", "-keyout", f"{certificate}.key", "-out", request)
        extensions = folder / "s.ext"
        extensions.write_text(f"subjectAltName=IP:127.0.0.1\n{usage}\n")
        signing = ["-CA", ca, "-CAkey", key, "-CAcreateserial", "-extfile", str(extensions)]
        _openssl(
            "openssl", "x509", "-req", "-days", "2", "-in", request, *signing, "-out", certificate
        )
        return server(certificate, f"{certificate}.key"), {"ca_file": ca}

    return make


def _openssl(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def client(kind: str) -> Certificate:
    """A broker that wants our certificate, and gets none, or one of that kind."""

    def make(authority: Authority, folder: Path) -> tuple[ssl.SSLContext, dict[str, Any]]:
        context = server(*authority.issue("server"), clients=authority.file)
        named: dict[str, Any] = {"ca_file": authority.file}
        signer = Authority(folder, "other") if kind == "unknown" else authority
        if kind != "none":
            days = -1 if kind == "expired" else 1
            named["cert_file"], named["key_file"] = signer.issue("door-1", days=days)
        return context, named

    return make


def files(broken: str) -> Certificate:
    """Files of our own that cannot be used."""

    def make(authority: Authority, folder: Path) -> tuple[ssl.SSLContext, dict[str, Any]]:
        context, named = server(*authority.issue("server")), {"ca_file": authority.file}
        own, key = authority.issue("door-1")
        if broken == "ca_file":
            (folder / "text.pem").write_text("no certificate")
            named["ca_file"] = str(folder / "text.pem")
        elif broken == "pair":
            named |= {"cert_file": own, "key_file": authority.issue("door-2")[1]}
        elif broken == "encrypted":
            locked = str(folder / "locked.key")
            _openssl("openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:x", "-out", locked)
            named |= {"cert_file": own, "key_file": locked}
        return context, named

    return make
