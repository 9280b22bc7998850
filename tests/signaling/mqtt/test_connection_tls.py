"""Whom the MQTT adapter trusts, and who trusts it: TLS, passwords, and sessions taken over."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from agent.errors import NotConnected, SignalingError
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import TlsOptions
from tests.conftest import Mosquitto
from tests.fakes.reader import reading
from tests.parts import require_part
from tests.signaling.mqtt.certificates import Authority
from tests.signaling.mqtt.harness import connected, read, until
from tests.signaling.mqtt.servers import (
    CONNACK,
    logged,
    options,
    packet,
    running,
    serving,
    true_of,
)
from tests.waiting import PATIENCE

pytestmark = pytest.mark.broker


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


async def test_connection_tls_with_a_client_certificate(
    secure: Mosquitto, authority: Authority
) -> None:
    tls = TlsOptions(authority.file, *authority.issue("door-1"))
    async with connected(reading(MqttBroker(options(secure.port, tls=tls)), "x/+")) as a:
        await a.publish("x/1", b"in private")
        assert (await read(a)).payload == b"in private"
    assert "u'door-1'" in secure.log()


async def test_connection_tls_without_checks(secure: Mosquitto, authority: Authority) -> None:
    tls = TlsOptions(None, *authority.issue("door-1"), insecure=True)
    async with connected(MqttBroker(options(secure.port, tls=tls))) as a:
        await a.publish("x/1", b"to whomever")


def put(source: str | Path, target: str | Path) -> None:
    """Copy in one step, as whoever renews certificates should: a half is never read."""
    half = Path(f"{target}.half")
    shutil.copy(source, half)
    half.replace(target)


async def test_connection_missing_certificate_is_a_clear_line_and_no_end(
    secure: Mosquitto, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, key = authority.issue("door-1")
    missing = tmp_path / "later.pem"
    tls = TlsOptions(authority.file, str(missing), key)
    async with MqttBroker(options(secure.port, tls=tls)) as a:
        line = await logged(caplog, "later.pem")
        assert line.endswith(f"client certificate {missing}: No such file or directory; trying on")
        put(certificate, missing)
        await a.wait_connected(PATIENCE)
    assert sum("later.pem" in each for each in caplog.messages) == 1


async def test_connection_what_was_rotated_on_the_disk_counts_from_the_next_connection_on(
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
        put(replacement.file, authority.file)
        # in place of the old one
        replacement.issue("server")
        secure.restart()
        await logged(caplog, "TLS: ")
        replacement.issue("door-1")
        async with until(a, True):
            put(replacement.file, trusted)
        await a.publish("x/1", b"")


async def test_connection_key_of_another_certificate_is_named(
    secure: Mosquitto, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    tls = TlsOptions(authority.file, authority.issue("door-1")[0], authority.issue("door-2")[1])
    async with MqttBroker(options(secure.port, tls=tls)):
        assert "KEY_VALUES_MISMATCH" in await logged(caplog, "door-2.key")


async def test_connection_client_without_a_certificate_learns_what_is_wrong(
    secure: Mosquitto, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    async with MqttBroker(options(secure.port, tls=TlsOptions(authority.file))) as a:
        # or, once in a while, that the broker hung up at once
        await logged(caplog, "alert certificate required")
        assert not a.connected


async def test_connection_server_that_cannot_prove_itself_is_not_spoken_to(
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


async def test_connection_wrong_password_is_said_once_and_tried_again_slowly(
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


async def test_connection_what_an_acl_forbids_is_an_error_in_the_future(tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite x/#\n")
    with running(tmp_path, f"acl_file {acl}") as mosquitto:
        client = MqttBroker(options(mosquitto.port))
        async with connected(client) as a:
            with pytest.raises(SignalingError, match="Not authorized"):
                await a.publish("y/1", b"")
            await a.publish("x/1", b"")
            # for status and doctor
            assert client.refused_topics == {"y/1": "the broker refuses it: Not authorized"}


async def test_connection_where_another_took_over_the_session_it_is_not_fought_over(
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


async def test_connection_second_client_of_the_same_name_gets_in(mosquitto: Mosquitto) -> None:
    patient = options(mosquitto.port, retry_first=300, retry_longest=300)
    async with (
        connected(MqttBroker(patient)) as first,
        until(first, False),
        connected(MqttBroker(patient)) as second,
    ):
        await second.publish("x/1", b"")
