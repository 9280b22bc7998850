"""asyncio's TLS with buffers of our size: the inside that this touches is there, and carries more
than a buffer in one piece.
"""

from __future__ import annotations

import asyncio
import gc
import ssl
from asyncio.sslproto import SSLProtocol
from pathlib import Path

import pytest

from agent.web.tls_buffers import BUFFER, bound_buffers
from tests.signaling.mqtt.certificates import Authority
from tests.waiting import PATIENCE
from tests.web.http_client import HOST, get, serving

ASYNCIOS_OWN = 256 * 1024


async def test_tls_buffers_carry_more_than_one_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SSLProtocol, "max_size", ASYNCIOS_OWN)
    bound_buffers()
    authority = Authority(tmp_path)
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    server.load_cert_chain(*authority.issue(HOST))
    client.load_verify_locations(authority.file)
    sent = bytes(range(256)) * 2048

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(len(sent)))
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(echo, HOST, 0, ssl=server)
    async with listening, asyncio.timeout(PATIENCE):
        port = listening.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection(HOST, port, ssl=client)
        writer.write(sent)
        assert await reader.readexactly(len(sent)) == sent
        writer.close()


async def test_tls_buffers_of_the_page_are_small(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue(HOST)
    trusted = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    async with serving(certificate=Path(certificate), key=Path(key)) as port:
        assert (await get(port, tls=trusted)).status == 200
        _, writer = await asyncio.open_connection(HOST, port, ssl=trusted)
        held = [each for each in gc.get_objects() if type(each) is SSLProtocol]
        assert {len(vars(each)["_ssl_buffer"]) for each in held} == {BUFFER}
        writer.close()
