"""The page's server: who may open it, what it gives out, and that MQTT passes through it
untouched.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from agent.errors import ConfigurationError
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions, TlsOptions
from agent.web.bridge import BrokerAddress
from agent.web.server import MAX_WEBSOCKETS, PageServer
from agent.web.web_options import WebOptions
from tests.conftest import Mosquitto
from tests.free_ports import free_port
from tests.signaling.mqtt.certificates import Authority
from tests.web.http_client import HOST, basic, get, open_websocket, serving


async def test_the_page_and_its_configuration() -> None:
    async with serving() as port:
        page = await get(port)
        script = await get(port, "/conversation.js?v=1")
        configuration = await get(port, "/config.json")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"<video" in page.body
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert json.loads(configuration.body) == {
        "broker": "/mqtt",
        "prefix": "callbox/v1",
        "iceServers": [],
    }


@pytest.mark.parametrize(
    "path",
    [
        "/none",
        "/../server.py",
        "/%2e%2e/server.py",
        "/server.py",
        "/.gitignore",
        "/vendor/../server.py",
        "//",
        "/a\\b",
    ],
)
async def test_nothing_else_is_given_out(path: str) -> None:
    async with serving() as port:
        answer = await get(port, path)
    assert answer.status in (400, 404) or b"<video" in answer.body
    assert b"PageServer" not in answer.body


async def test_documents_of_the_device_lie_behind_the_password() -> None:
    async with serving(password="open sesame, please") as port:
        refused = await get(port, "/visits/1.jpg")
        shown = await get(port, "/visits/1.jpg", basic("anyone", "open sesame, please"))
        none = await get(port, "/visits/2.jpg", basic("anyone", "open sesame, please"))
    assert (refused.status, none.status) == (401, 404)
    assert (shown.body, shown.headers["Content-Type"]) == (b"picture", "image/jpeg")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "", "["]
)
async def test_a_name_that_was_pointed_here_is_refused(host: str) -> None:
    async with serving() as port:
        answer = await get(port, host=host or " ")
        assert answer.status in (400, 403)
        assert (await get(port, host=f"localhost:{port}")).status == 200


async def test_another_site_cannot_open_the_websocket() -> None:
    async with serving() as port:
        with pytest.raises(InvalidStatus) as refused:
            await open_websocket(port, origin="http://evil.example")
    assert refused.value.response.status_code == 403


async def test_the_password_opens_the_page_and_the_cookie_the_websocket() -> None:
    async with serving(password="open sesame, please") as port:
        denied = await get(port)
        wrong = await get(port, "/", basic("anyone", "sesame open, please"))
        junk = await get(port, "/", "Authorization: Basic %%%", "Cookie: callbox_session=x; ;;")
        let_in = await get(port, "/", basic("anyone", "open sesame, please"))
        cookie = let_in.headers["Set-Cookie"].split(";")[0]
        again = await get(port, "/", f"Cookie: {cookie}")
        with pytest.raises(InvalidStatus):
            await open_websocket(port)
        async with open_websocket(port, additional_headers={"Cookie": cookie}) as websocket:
            assert websocket.response is not None
            assert websocket.response.status_code == 101
    assert [each.status for each in (denied, wrong, junk, let_in, again)] == [
        401,
        401,
        401,
        200,
        200,
    ]
    assert "HttpOnly" in let_in.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "options",
    [{}, {"password": "x"}, {"certificate": Path("c.pem"), "key": Path("k.pem")}],
    ids=["bare", "plain", "open"],
)
def test_beyond_loopback_it_takes_tls_and_a_password(options: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=r"192\.0\.2\.1"):
        PageServer(WebOptions(host="192.0.2.1", **options), BrokerAddress(HOST, 1), dict)  # type: ignore[arg-type]


async def test_a_port_that_is_taken_is_named() -> None:
    async with serving() as port:
        with pytest.raises(ConfigurationError, match=str(port)):
            async with PageServer(WebOptions(port=port), BrokerAddress(HOST, 1), dict):
                pass


async def test_a_broker_that_is_away_closes_the_websocket_with_a_reason() -> None:
    async with serving(broker_port=free_port()) as port, open_websocket(port) as websocket:
        await websocket.wait_closed()
        assert websocket.close_code == 1013


async def test_too_many_pages_are_refused() -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    broker = await asyncio.start_server(listen, HOST, 0)
    async with broker, serving(broker_port=broker.sockets[0].getsockname()[1]) as port:
        pages = [await open_websocket(port) for _ in range(MAX_WEBSOCKETS)]
        with pytest.raises(InvalidStatus) as refused:
            await open_websocket(port)
        for page in pages:
            await page.close()
    assert refused.value.response.status_code == 503


@pytest.mark.broker
@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
async def test_mqtt_5_passes_through(mosquitto: Mosquitto, tmp_path: Path, secure: bool) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("127.0.0.1")
    options: dict[str, Any] = {"certificate": certificate, "key": key} if secure else {}
    async with serving(broker_port=mosquitto.port, **options) as port:
        connection = MqttOptions(
            port=port,
            client_id="page",
            transport="websockets",
            tls=TlsOptions(ca_file=str(authority.file)) if secure else None,
        )
        broker = MqttBroker(connection)
        stream = broker.subscribe("to/page")
        async with broker:
            await broker.wait_connected(15)
            payload = bytes(range(256)) * 200
            await broker.publish(
                "to/page", payload, response_topic="answers/here", correlation_data=b"\x00\x01"
            )
            incoming = await stream.receive()
    assert (incoming.payload, incoming.response_topic, incoming.correlation_data) == (
        payload,
        "answers/here",
        b"\x00\x01",
    )
