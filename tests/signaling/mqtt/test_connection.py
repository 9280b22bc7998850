"""What only the MQTT adapter has: TLS, credentials, WebSockets, and brokers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import MQTTErrorCode
from pydantic import SecretStr

from agent.errors import NotConnected, SignalingError
from agent.signaling.broker import StreamBounds
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.disconnect import DisconnectReason
from agent.signaling.mqtt.link import Link
from agent.signaling.mqtt.mqtt_options import MqttOptions, TlsOptions
from agent.signaling.mqtt.paho_client import on_socket
from tests.conftest import Mosquitto, free_port
from tests.fakes.reader import reading
from tests.parts import require_part
from tests.signaling.mqtt.certificates import Authority
from tests.signaling.mqtt.harness import PATIENCE, connected, peek, read, until

pytestmark = pytest.mark.broker

CONNACK = bytes([0x20, 3, 0, 0, 0])
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def options(port: int, client_id: str = "a", **changes: object) -> MqttOptions:
    quick = MqttOptions(
        port=port,
        client_id=client_id,
        retry_first=0.02,
        retry_longest=0.1,
        retry_refused=0.02,
        retry_refused_longest=0.1,
    )
    return quick.model_copy(update=changes)


@contextmanager
def running(folder: Path, *lines: str, allow_anonymous: bool = True) -> Iterator[Mosquitto]:
    mosquitto = Mosquitto(folder, lines=lines, allow_anonymous=allow_anonymous)
    mosquitto.start()
    try:
        yield mosquitto
    finally:
        mosquitto.stop()


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[int]:
    """A TCP server that plays a broker, as badly as the test needs it; its port."""

    handlers: set[asyncio.Task[None]] = set()

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.add(asyncio.ensure_future(guarded(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        server.close()
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


async def packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Type and rest of one MQTT packet under 128 bytes, or 16 kB."""
    kind, length = await reader.readexactly(2)
    if length & 0x80:
        length = (length & 0x7F) + 128 * (await reader.readexactly(1))[0]
    return kind, await reader.readexactly(length)


async def logged(caplog: pytest.LogCaptureFixture, words: str) -> str:
    """The first line of the log with `words` in it, once it has been written."""
    await true_of(lambda: words in caplog.text)
    return next(line for line in caplog.messages if words in line)


async def true_of(condition: Callable[[], bool]) -> None:
    """Return once `condition` holds, for what has no event to wait for: a log, a thread's end."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


# --- TLS ------------------------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def secure(tmp_path: Path, authority: Authority) -> Iterator[Mosquitto]:
    """A mosquitto that lets in those with a certificate of `authority`, under the name in it."""
    certificate, key = authority.issue("server")
    lines = (
        f"cafile {authority.file}",
        f"certfile {certificate}",
        f"keyfile {key}",
        "require_certificate true",
    )
    with running(
        tmp_path, *lines, "use_identity_as_username true", allow_anonymous=False
    ) as mosquitto:
        yield mosquitto


async def test_tls_with_a_client_certificate(secure: Mosquitto, authority: Authority) -> None:
    tls = TlsOptions(authority.file, *authority.issue("door-1"))
    async with connected(reading(MqttBroker(options(secure.port, tls=tls)), "x/+")) as a:
        await a.publish("x/1", b"in private")
        assert (await read(a)).payload == b"in private"
    assert "u'door-1'" in secure.log()


async def test_tls_without_checks(secure: Mosquitto, authority: Authority) -> None:
    tls = TlsOptions(None, *authority.issue("door-1"), insecure=True)
    async with connected(MqttBroker(options(secure.port, tls=tls))) as a:
        await a.publish("x/1", b"to whomever")


async def test_a_missing_certificate_is_a_clear_line_and_no_end(
    secure: Mosquitto, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, key = authority.issue("door-1")
    missing = tmp_path / "later.pem"
    tls = TlsOptions(authority.file, str(missing), key)
    async with MqttBroker(options(secure.port, tls=tls)) as a:
        line = await logged(caplog, "later.pem")
        assert line.endswith(f"client certificate {missing}: No such file or directory; trying on")
        shutil.copy(certificate, missing)
        await a.wait_connected(PATIENCE)
    assert sum("later.pem" in each for each in caplog.messages) == 1


async def test_what_was_rotated_on_the_disk_counts_from_the_next_connection_on(
    secure: Mosquitto, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The broker gets a certificate of a new authority, then we do; nobody is restarted but the
    broker.
    """
    certificate, key = authority.issue("door-1")
    trusted = tmp_path / "trusted.pem"
    shutil.copy(authority.file, trusted)
    async with connected(
        MqttBroker(options(secure.port, tls=TlsOptions(str(trusted), certificate, key)))
    ) as a:
        replacement = Authority(tmp_path, "new-ca")
        shutil.copy(replacement.file, authority.file)
        # in place of the old one
        replacement.issue("server")
        secure.restart()
        await logged(caplog, "TLS: ")
        replacement.issue("door-1")
        async with until(a, True):
            shutil.copy(replacement.file, trusted)
        await a.publish("x/1", b"")


async def test_a_key_of_another_certificate_is_named(
    secure: Mosquitto, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    tls = TlsOptions(authority.file, authority.issue("door-1")[0], authority.issue("door-2")[1])
    async with MqttBroker(options(secure.port, tls=tls)):
        assert "KEY_VALUES_MISMATCH" in await logged(caplog, "door-2.key")


async def test_a_client_without_a_certificate_learns_what_is_wrong(
    secure: Mosquitto, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    async with MqttBroker(options(secure.port, tls=TlsOptions(authority.file))) as a:
        # or, once in a while, that the broker hung up at once
        await logged(caplog, "alert certificate required")
        assert not a.connected


async def test_a_server_that_cannot_prove_itself_is_not_spoken_to(
    secure: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = Authority(tmp_path, "stranger")
    tls = TlsOptions(stranger.file, *stranger.issue("door-1"))
    async with MqttBroker(options(secure.port, tls=tls)) as a:
        await logged(caplog, "TLS: ")
        assert "certificate" in await logged(caplog, "no connection to the broker")
        assert a.alive


# --- credentials ----------------------------------------------------------------------------------


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    """A file that knows `door-1` by the password `right`."""
    path = tmp_path / "passwords"
    path.touch(mode=0o600)
    subprocess.run(
        [require_part("mosquitto_passwd"), "-b", str(path), "door-1", "right"], check=True
    )
    return path


async def test_a_wrong_password_is_said_once_and_tried_again_slowly(
    tmp_path: Path, passwords: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running(tmp_path, f"password_file {passwords}", allow_anonymous=False) as mosquitto:
        wrong = options(
            mosquitto.port,
            username="door-1",
            password=SecretStr("wrong"),
            retry_first=300,
            retry_longest=300,
        )
        async with MqttBroker(wrong) as a:
            line = await logged(caplog, "refused")
            assert "Not authorized" in line or "Bad user name or password" in line
            # It goes by `retry_refused`, not by `retry_first`.
            await true_of(lambda: mosquitto.log().count("(0, 135)") >= 3)
            assert not a.connected
            with pytest.raises(NotConnected, match="refused"):
                await a.wait_connected(0.01)
        assert sum("refused" in each for each in caplog.messages) == 1
        async with connected(
            MqttBroker(wrong.model_copy(update={"password": SecretStr("right")}))
        ) as b:
            await b.publish("x/1", b"")


async def test_what_an_acl_forbids_is_an_error_in_the_future(tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite x/#\n")
    with running(tmp_path, f"acl_file {acl}") as mosquitto:
        async with connected(MqttBroker(options(mosquitto.port))) as a:
            with pytest.raises(SignalingError, match="Not authorized"):
                await a.publish("y/1", b"")
            await a.publish("x/1", b"")


async def test_where_another_took_over_the_session_it_is_not_fought_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    connections: list[None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(None)
        await packet(reader)
        writer.write(CONNACK + bytes([0xE0, 2, 142, 0]))
        await reader.read(-1)

    async with (
        serving(serve) as port,
        MqttBroker(options(port, retry_refused=300, retry_refused_longest=300)),
    ):
        await true_of(lambda: caplog.text.count("another client took over the client id a") == 2)
    # the first time it may have been an older connection of our own
    assert len(connections) == 2


async def test_a_second_client_of_the_same_name_gets_in(mosquitto: Mosquitto) -> None:
    patient = options(mosquitto.port, retry_first=300, retry_longest=300)
    async with (
        connected(MqttBroker(patient)) as first,
        until(first, False),
        connected(MqttBroker(patient)) as second,
    ):
        await second.publish("x/1", b"")


# --- transports and queues ------------------------------------------------------------------------


async def test_websockets(tmp_path: Path) -> None:
    port = free_port()
    # mosquitto wants a plain one as well
    with running(tmp_path, f"listener {port} 127.0.0.1", "protocol websockets"):
        over = options(port, transport="websockets", path="/mqtt")
        async with connected(reading(MqttBroker(over), "x/+")) as a:
            await a.publish("x/1", b"w" * 10_000)
            assert (await read(a)).payload == b"w" * 10_000


@pytest.mark.parametrize("qos", [0, 1])
async def test_a_flood_does_not_make_deaf(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture, qos: int
) -> None:
    async with (
        connected(reading(MqttBroker(options(mosquitto.port, "a")), "x/+")) as a,
        connected(
            MqttBroker(options(mosquitto.port, "b", max_queued=2 * StreamBounds().messages))
        ) as b,
    ):
        for _ in range(StreamBounds().messages + 200):
            b.publish("x/flood", b"", qos=qos)
        # of QoS 1, mosquitto sends the first few only until something is acknowledged
        if qos == 0:
            await logged(caplog, "new ones are dropped")
        await b.publish("x/invitation", b"")
        topics = []
        while "x/invitation" not in topics:
            topics.append((await read(a)).topic)
        assert len(topics) <= StreamBounds().messages + 201


async def test_what_is_acknowledged_late_arrives_all_the_same(mosquitto: Mosquitto) -> None:
    async with (
        connected(reading(MqttBroker(options(mosquitto.port, "a")), "x/+")) as a,
        connected(MqttBroker(options(mosquitto.port, "b"))) as b,
    ):
        await asyncio.gather(*(b.publish("x/1", str(number).encode()) for number in range(300)))
        assert [int((await read(a)).payload) for _ in range(300)] == list(range(300))


async def test_a_message_that_the_broker_cannot_take_is_refused_here(tmp_path: Path) -> None:
    with running(tmp_path, "max_packet_size 2000") as mosquitto:
        async with connected(MqttBroker(options(mosquitto.port))) as a:
            with pytest.raises(SignalingError, match="more than the broker takes"):
                await a.publish("x/1", b"x" * 2000)
            with pytest.raises(SignalingError, match="more than the broker takes"):
                await a.publish("x/1", b"x" * 2000, qos=0)
            await a.publish("x/1", b"x" * 1000)
            await a.publish("x/1", b"x" * 1000, qos=0)


# --- brokers that misbehave -----------------------------------------------------------------------


NOISE = {
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "connack": b"\x20\x03\x00\x00\xff",
    "noise": b"\xff" * 64,
    "publish": CONNACK + b"\x30\x02\x00\x09",
    "suback": CONNACK + b"\x90\x01\x00",
    "puback": CONNACK + b"\x40\x03\x00\x01\x03",
    "disconnect": CONNACK + b"\xe0\x02\x03\x00",
    "properties": CONNACK + b"\x30\x06\x00\x01x\x02\x7f\x01",
    "silence": b"",
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
async def test_nothing_that_a_broker_says_ends_the_thread(
    noise: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    connections = asyncio.Semaphore(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.release()
        await packet(reader)
        writer.write(noise)
        await writer.drain()

    async with serving(serve) as port, MqttBroker(options(port)) as a:
        async with asyncio.timeout(PATIENCE):
            for _ in range(3):
                await connections.acquire()
        assert a.alive
    assert not a.alive


async def test_a_fault_in_the_client_is_logged_and_connects_afresh(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    healthy = paho.Client.loop

    def faulty(client: paho.Client, timeout: float = 1.0) -> MQTTErrorCode:
        monkeypatch.setattr(paho.Client, "loop", healthy)
        raise IndexError("bytearray index out of range")

    monkeypatch.setattr(paho.Client, "loop", faulty)
    async with connected(MqttBroker(options(mosquitto.port))) as a:
        await a.publish("x/1", b"")
    assert "IndexError: bytearray index out of range" in await logged(
        caplog, "no connection to the broker"
    )
    assert "the MQTT client failed" in caplog.text


async def test_a_broker_that_does_not_answer_is_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("agent.signaling.mqtt.link._READY_TIMEOUT", 0.1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)

    async with serving(serve) as port, MqttBroker(options(port)) as a:
        await logged(caplog, "no answer from the broker")
        assert not a.connected


async def test_a_broker_that_takes_few_at_a_time_gets_few_at_a_time() -> None:
    arrived: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        # CONNACK, Receive Maximum 2
        writer.write(bytes([0x20, 6, 0, 0, 3, 0x21, 0, 2]))
        while True:
            kind, rest = await packet(reader)
            if kind & 0xF0 != 0x30:
                return
            arrived.append(rest[-1:])
            # the message of QoS 0, which need not wait: answer those before it and all after it
            if kind & 0x06 == 0:
                for mid in (1, 2):
                    writer.write(bytes([0x40, 2, 0, mid]))
            elif b"0" in arrived:
                writer.write(bytes([0x40, 2]) + rest[5:7])

    async with serving(serve) as port, connected(MqttBroker(options(port))) as a:
        sent = [a.publish("x/1", b"1") for _ in range(8)]
        await a.publish("x/1", b"0", qos=0)
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*sent)
    assert arrived == [b"1", b"1", b"0", *[b"1"] * 6]


async def test_an_acknowledgement_never_goes_to_another_connection() -> None:
    """Packet ids are the broker's to use again: on a new connection the same one may be another
    message.
    """
    packets: asyncio.Queue[int] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        _, subscribe = await packet(reader)
        writer.write(bytes([0x90, 4]) + subscribe[:2] + bytes([0, 1]))
        # QoS 1, topic `x`, id 9
        writer.write(bytes([0x32, 6, 0, 1, 0x78, 0, 9, 0]))
        while True:
            packets.put_nowait((await packet(reader))[0])

    async with serving(serve) as port, connected(reading(MqttBroker(options(port)), "x")) as a:
        stale = await peek(a)
        async with until(a, True):
            a._link.abort()  # type: ignore[attr-defined]
        fresh = await peek(a)
        stale.ack()
        a.publish("x/1", b"", qos=0)
        fresh.ack()
        async with asyncio.timeout(PATIENCE):
            assert [await packets.get() & 0xF0, await packets.get() & 0xF0] == [0x30, 0x40]


def refusing(*reasons: int) -> Serve:
    """Consents to a connection, and answers its subscriptions with these reason codes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        _, subscribe = await packet(reader)
        writer.write(bytes([0x90, 3 + len(reasons)]) + subscribe[:2] + bytes([0, *reasons]))
        await reader.read(-1)

    return serve


async def test_without_an_essential_subscription_a_connection_is_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(refusing(1, 135)) as port:
        a = MqttBroker(options(port, retry_first=300))
        a.subscribe("y/+")
        a.subscribe("x/+", essential=True)
        async with a:
            line = await logged(caplog, "no connection")
            assert line.endswith(
                "the broker refuses the subscription to x/+: Not authorized; trying on"
            )
            with pytest.raises(NotConnected, match="refuses the subscription"):
                await a.wait_connected(0.01)


async def test_another_refused_subscription_is_an_error_of_its_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(refusing(1, 135)) as port:
        a = MqttBroker(options(port))
        essential = a.subscribe("x/+", essential=True)
        refused = a.subscribe("y/+")
        async with connected(a):
            assert "Not authorized" in await logged(caplog, "refuses the subscription to y/+")
            await essential.wait_granted(PATIENCE)
            with pytest.raises(SignalingError, match=r"y/\+: Not authorized"):
                await refused.wait_granted(PATIENCE)


async def test_a_topic_that_is_not_utf_8_is_dropped_and_acknowledged() -> None:
    acknowledged = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        writer.write(bytes([0x32, 7, 0, 2, 0xFF, 0xFE, 0, 9, 0]))
        if await packet(reader) == (0x40, bytes([0, 9])):
            acknowledged.set()

    async with serving(serve) as port, MqttBroker(options(port)):
        async with asyncio.timeout(PATIENCE):
            await acknowledged.wait()


async def test_a_peer_that_vanished_is_noticed_by_tcp(mosquitto: Mosquitto) -> None:
    """A power cut says nothing, and the next ping is half a minute away."""
    found = {}

    def look(sock: socket.socket) -> None:
        for level, name in (
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
            (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
            (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
        ):
            found[name] = sock.getsockopt(level, name)

    async with connected(MqttBroker(options(mosquitto.port))) as a:
        on_socket(a._link._client, look)  # type: ignore[attr-defined]
    assert list(found.values()) == [1, 5, 10_000]


async def test_nothing_is_left_open(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Neither what wakes the thread nor the socket of a handshake that failed; not even for the
    garbage collector.
    """
    before = set(os.listdir("/proc/self/fd"))
    async with connected(reading(MqttBroker(options(mosquitto.port)), "x/+")) as a:
        await a.publish("x/1", b"")
        mosquitto.restart()
        async with until(a, True):
            pass
    tls = TlsOptions(Authority(tmp_path).file)
    async with MqttBroker(options(mosquitto.port, tls=tls)) as b:
        await true_of(lambda: b.trouble is not None)
    assert set(os.listdir("/proc/self/fd")) <= before


# --- reports --------------------------------------------------------------------------------------


async def test_each_change_of_state_is_logged_once(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, logger="agent.signaling")
    where = f"127.0.0.1:{mosquitto.port}"
    attempts = asyncio.Semaphore(0)
    async with connected(MqttBroker(options(mosquitto.port))) as a:
        assert isinstance(a, MqttBroker)
        listen = a.link_down

        def counted(loss: DisconnectReason) -> None:
            listen(loss)
            attempts.release()

        monkeypatch.setattr(a, "link_down", counted)
        mosquitto.kill()
        async with asyncio.timeout(PATIENCE):
            for _ in range(5):
                await attempts.acquire()
        async with until(a, True):
            mosquitto.start()
    lines = [line.replace(where, "W").split(":")[0] for line in caplog.messages]
    assert lines == [
        "connected to the broker W",
        "lost the broker W",
        "no connection to the broker W",
        "connected to the broker W",
    ]
    assert "Connection refused" in caplog.text


async def test_leaving_does_not_wait_for_a_thread_that_hangs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()
    monkeypatch.setattr("agent.signaling.mqtt.connection._THREAD_TIMEOUT", 0.05)
    monkeypatch.setattr(Link, "_load_tls", lambda _self: release.wait(PATIENCE))
    async with MqttBroker(options(1, close_timeout=0.05)) as a:
        a.publish("x/1", b"")
    await logged(caplog, "leaving it behind")
    release.set()
    await true_of(lambda: not a.alive)


async def test_a_connection_callback_may_be_left_waiting_for_nothing(mosquitto: Mosquitto) -> None:
    async with connected(reading(MqttBroker(options(mosquitto.port)), "x/+")) as a:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await peek(a)
        await a.publish("x/1", b"after a reader gave up")
        assert (await peek(a)).payload == b"after a reader gave up"
