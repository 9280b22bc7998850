"""What it is that listens where a broker should."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agent.signaling.mqtt.mqtt_options import TlsOptions, tls_context
from agent.signaling.mqtt.probe import Listening, look
from tests.free_ports import free_port
from tests.signaling.mqtt.certificates import Authority
from tests.signaling.mqtt.servers import serving
from tests.tls_handshakes import serving as serving_tls

ANSWERS = {
    "3.1.1 alone": (bytes.fromhex("20020000"), Listening.OLD),
    "3.1.1 and a password": (bytes.fromhex("20020005"), Listening.OLD),
    "a web server": (b"HTTP/1.1 400 Bad Request\r\n", Listening.WEB),
    "TLS": (bytes.fromhex("15030100020246"), Listening.TLS),
    "SSH": (b"SSH-2.0-OpenSSH_9.2\r\n", Listening.SSH),
    "AMQP": (b"AMQP\x00\x00\x09\x01", Listening.AMQP),
    "something else": (b"hello", None),
    "nothing": (b"", None),
}


@pytest.mark.parametrize(("answer", "found"), ANSWERS.values(), ids=ANSWERS)
async def test_probe_knows_by_the_first_bytes(answer: bytes, found: Listening | None) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        await writer.drain()

    async with serving(serve) as port:
        loss = await asyncio.to_thread(look, "127.0.0.1", port, None)
    assert (loss.reason if loss else None) == found
    if loss is not None:
        assert (loss.slow, bool(loss.advice)) == (True, True)


async def test_probe_of_a_port_that_speaks_tls_and_hangs_up_on_others(tmp_path: Path) -> None:
    tls = serving_tls(*Authority(tmp_path).issue("server"))
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0, ssl=tls)
    async with server:
        port = server.sockets[0].getsockname()[1]
        loss = await asyncio.to_thread(look, "127.0.0.1", port, None)
    assert loss is not None
    assert (loss.reason, "mqtt.tls.enabled" in loss.advice) == (Listening.TLS, True)


async def test_probe_asks_through_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = serving_tls(*authority.issue("server"))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(bytes.fromhex("20020000"))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        port = server.sockets[0].getsockname()[1]
        context = tls_context(TlsOptions(authority.file))
        loss = await asyncio.to_thread(look, "127.0.0.1", port, context)
    assert loss is not None
    assert loss.reason == Listening.OLD


def test_probe_of_nobody_says_nothing() -> None:
    assert look("127.0.0.1", free_port(), None) is None
