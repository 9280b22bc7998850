"""Who an MQTT client says it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.web.mqtt_login import MAX_CONNECT, Login, NotConnect, read_login


def field(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data


def connect(
    username: bytes | None = None, *, level: int = 5, will: bool = False, name: bytes = b"MQTT"
) -> bytes:
    """A CONNECT packet, properties included where the level has them."""
    properties = bytes((5, 0x11, 0, 0, 14, 16)) if level == 5 else b""
    flags = 0x02 | (0x04 if will else 0) | (0x80 if username is not None else 0)
    body = field(name) + bytes((level, flags, 0, 30)) + properties + field(b"client")
    if will:
        body += (b"\0" if level == 5 else b"") + field(b"a/topic") + field(b"gone")
    if username is not None:
        body += field(username)
    return b"\x10" + len(body).to_bytes(1) + body


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize("will", [False, True])
@pytest.mark.parametrize("username", [None, b"", b"front-desk"])
def test_login_of_a_connect_packet(level: int, will: bool, username: bytes | None) -> None:
    packet = connect(username, level=level, will=will)
    expected = None if username is None else username.decode()
    assert read_login(packet) == Login(level, expected)
    assert read_login(packet + b"more") == Login(level, expected)


def test_login_of_too_few_bytes_is_not_known_yet() -> None:
    packet = connect(b"front-desk")
    assert [read_login(packet[:count]) for count in range(len(packet))] == [None] * len(packet)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x20\x02\x00\x00",
        b"\x10\xff\xff\xff\xff\xff",
        b"\x10\xff\xff\x7f",
        connect(b"x", name=b"MQIsdp"),
        connect(b"x", level=3),
        connect(b"\xff"),
        b"\x10\x02\x00\x09",
    ],
)
def test_login_of_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(NotConnect):
        read_login(data)


@given(st.binary(max_size=200))
def test_login_of_any_bytes_is_an_answer(data: bytes) -> None:
    for prefix in (b"", b"\x10"):
        try:
            read_login(prefix + data)
        except NotConnect:
            continue


def test_refusal_is_a_connack() -> None:
    assert Login(5, None).refusal() == bytes((0x20, 3, 0, 0x87, 0))
    assert Login(4, None).refusal() == bytes((0x20, 2, 0, 5))
    assert MAX_CONNECT == 65536
