"""A URL becomes a client on a broker, and tells no password."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.client import CallClient, ConfigurationError, NotConnected
from agent.connect import BrokerUrl
from tests.conftest import Mosquitto
from tests.signaling.mqtt.certificates import Authority

SECRET = "s3cret"


@contextmanager
def running(folder: Path, *lines: str, allow_anonymous: bool = True) -> Iterator[Mosquitto]:
    broker = Mosquitto(folder, lines=lines, allow_anonymous=allow_anonymous)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("mqtt://broker", ("broker", 1883, "tcp", False)),
        ("mqtt://broker:1884/", ("broker", 1884, "tcp", False)),
        ("mqtts://[::1]", ("::1", 8883, "tcp", True)),
        ("ws://broker/path", ("broker", 80, "websockets", False)),
        ("wss://broker:444", ("broker", 444, "websockets", True)),
    ],
)
def test_broker_url_of_a_url(url: str, where: tuple[str, int, str, bool]) -> None:
    address = BrokerUrl.parse(url)
    found = (address.host, address.port, address.transport, address.tls is not None)
    assert found == where
    options = address.options("me")
    assert (options.host, options.port, options.client_id) == (*where[:2], "me")
    assert options.session_expiry == 0


def test_broker_url_path_is_for_a_web_socket() -> None:
    assert BrokerUrl.parse("ws://broker/some/path").path == "/some/path"
    assert BrokerUrl.parse("ws://broker").path == "/mqtt"


def test_broker_url_password_is_percent_encoded() -> None:
    address = BrokerUrl.parse("mqtt://front%40desk:p%2Fa%3As%23s%40@broker")
    assert address.username == "front@desk"
    assert address.password is not None
    assert address.password.get_secret_value() == "p/a:s#s@"
    assert "p/a" not in repr(address) + repr(address.options("me"))


def test_broker_url_files_of_tls() -> None:
    address = BrokerUrl.parse(
        "mqtts://broker", ca_file="ca.pem", cert_file="cert.pem", key_file="key.pem"
    )
    assert address.tls is not None
    files = (address.tls.ca_file, address.tls.cert_file, address.tls.key_file)
    assert files == ("ca.pem", "cert.pem", "key.pem")
    with pytest.raises(ConfigurationError, match="mqtt:// is not encrypted"):
        BrokerUrl.parse("mqtt://broker", ca_file="ca.pem")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "broker",
        f"front-desk:{SECRET}@broker",
        f"http://front-desk:{SECRET}@broker",
        f"mqtt://front-desk:{SECRET}",
        f"mqtt://front-desk:{SECRET}@",
        f"mqtt://front-desk:{SECRET}@broker:port",
        f"mqtt://front-desk:{SECRET}@broker:0",
        f"mqtt://front-desk:{SECRET}@broker:99999",
        f"mqtt://front-desk:{SECRET}/x@broker",
        f"mqtt://front-desk:1/{SECRET}@broker",
        f"mqtt://front-desk:1#{SECRET}@broker",
        f"mqtt://front-desk:1?{SECRET}@broker",
        f"mqtt://front-desk:[{SECRET}@broker",
        f"mqtt://front-desk:{SECRET}@bro ker",
    ],
)
def test_broker_url_unusable_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        BrokerUrl.parse(url).options("me")
    assert SECRET not in str(raised.value)
    assert str(raised.value)


@pytest.mark.parametrize(
    ("options", "word"), [({"uid": "no/uid"}, "no/uid"), ({"uid": "me", "prefix": "a/+"}, "prefix")]
)
async def test_connect_unusable_names_are_refused(options: dict[str, str], word: str) -> None:
    with pytest.raises(ConfigurationError, match=word):
        async with CallClient.connect("mqtt://127.0.0.1:9", **options):  # type: ignore[arg-type]
            pass


async def test_connect_broker_that_is_away_is_told_in_time() -> None:
    url = f"mqtt://front-desk:{SECRET}@127.0.0.1:9"
    with pytest.raises(NotConnected) as raised:
        async with CallClient.connect(url, uid="front-desk", timeout=0.05):
            pass
    assert SECRET not in str(raised.value)


@pytest.mark.broker
async def test_connect_two_clients_call_each_other(mosquitto: Mosquitto) -> None:
    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    async with (
        CallClient.connect(url, uid="alice") as alice,
        CallClient.connect(url, uid="bob") as bob,
    ):
        bob.on("called", lambda conversation: conversation.reject("not_now"))
        record = await alice.call("bob").wait_closed()
    assert record.call_status == "REJECTED"


def test_client_package_costs_nothing_to_import() -> None:
    code = (
        "import sys, agent.client; "
        "print([each for each in ('pydantic', 'aiortc', 'paho', 'av') if each in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.broker
async def test_connect_encrypted_with_a_certificate_of_its_own(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server")
    lines = (f"cafile {authority.file}", f"certfile {certificate}", f"keyfile {key}")
    own_certificate, own_key = authority.issue("alice")
    with running(tmp_path, *lines, "require_certificate true") as broker:
        url = f"mqtts://{broker.host}:{broker.port}"
        async with CallClient.connect(
            url,
            uid="alice",
            ca_file=authority.file,
            cert_file=own_certificate,
            key_file=own_key,
        ) as client:
            assert client.signaling.connected
        with pytest.raises(NotConnected):
            async with CallClient.connect(url, uid="alice", timeout=2):
                pass


@pytest.mark.broker
async def test_connect_refused_by_the_broker_is_told_without_the_password(tmp_path: Path) -> None:
    with running(tmp_path, allow_anonymous=False) as broker:
        url = f"mqtt://front-desk:{SECRET}@{broker.host}:{broker.port}"
        with pytest.raises(NotConnected) as raised:
            async with CallClient.connect(url, uid="front-desk"):
                pass
    assert SECRET not in str(raised.value)
