"""How paho's client is set up."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from paho.mqtt import client as paho

from agent.signaling.broker import Will
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.mqtt.paho_client import (
    PahoCallbacks,
    PahoLog,
    guarded,
    has_address_of,
    incoming,
    make_client,
    on_socket,
    prepare,
    publish_properties,
    tune,
)


class Deaf(PahoCallbacks):
    def on_connect(self, *arguments: Any) -> None: ...
    def on_disconnect(self, *arguments: Any) -> None: ...
    def on_subscribe(self, *arguments: Any) -> None: ...
    def on_message(self, *arguments: Any) -> None: ...
    def on_publish(self, *arguments: Any) -> None: ...
    def on_log(self, level: int, text: str, arguments: tuple[object, ...]) -> None: ...


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of one connection over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    with near, far:
        yield near, far


def test_make_client_of_a_port_that_cannot_be() -> None:
    options = MqttOptions().model_copy(update={"port": 0})
    with pytest.raises(ValueError, match="port"):
        make_client(options, Deaf())


@pytest.mark.parametrize(("delay", "said"), [(5, 5), (0, None)])
def test_prepare_says_nothing_of_a_will_that_is_not_delayed(delay: int, said: int | None) -> None:
    client = make_client(MqttOptions(), Deaf())
    prepare(client, MqttOptions(), Will("x/status", b"offline", delay=delay))
    assert getattr(client._will_properties, "WillDelayInterval", None) == said


def test_publish_properties_leave_out_what_is_not_known() -> None:
    assert publish_properties(None, None, None) is None
    found = publish_properties(30, None, b"7")
    assert found is not None
    names = ("MessageExpiryInterval", "CorrelationData")
    assert [getattr(found, name) for name in names] == [30, b"7"]
    assert not hasattr(found, "ResponseTopic")


def test_tune_notices_a_peer_that_vanished(pair: tuple[socket.socket, socket.socket]) -> None:
    near, _ = pair
    tune(near)
    assert near.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert near.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert near.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000


def test_has_address_of_a_connection_of_this_machine(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    near, _ = pair
    assert has_address_of(near)

    class Elsewhere:
        family = socket.AF_INET

        def getsockname(self) -> tuple[str, int]:
            # TEST-NET-1: no interface has it
            return ("192.0.2.1", 40_000)

    assert not has_address_of(Elsewhere())  # type: ignore[arg-type]


def test_on_socket_without_one_does_nothing() -> None:
    acted: list[socket.socket] = []
    on_socket(make_client(MqttOptions(), Deaf()), acted.append)
    assert not acted


def test_on_socket_passes_over_what_fails_on_one_that_is_gone(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_client(MqttOptions(), Deaf())
    monkeypatch.setattr(client, "socket", lambda: pair[0])
    pair[1].close()
    acted: list[int] = []

    def fail(sock: socket.socket) -> None:
        acted.append(sock.fileno())
        raise OSError("gone")

    on_socket(client, fail)
    assert acted
    assert acted != [pair[0].fileno()], "it acts on a twin, below TLS"


def test_incoming_has_the_properties_of_the_message() -> None:
    message = paho.MQTTMessage(mid=7, topic=b"a/b")
    message.payload, message.qos, message.retain = b"x", 1, True
    message.properties = publish_properties(None, "reply/1", b"7")
    acknowledged: list[int] = []
    found = incoming(message, "a/b", lambda: acknowledged.append(message.mid))
    assert (found.topic, found.payload, found.qos, found.retain) == ("a/b", b"x", 1, True)
    assert (found.response_topic, found.correlation_data) == ("reply/1", b"7")
    found.ack()
    found.ack()
    assert acknowledged == [7]


def test_paho_log_is_heard_before_it_is_formatted() -> None:
    heard: list[tuple[int, str, tuple[object, ...]]] = []
    PahoLog(lambda *each: heard.append(each)).log(logging.ERROR, "failed: %s", "why")
    assert heard == [(logging.ERROR, "failed: %s", ("why",))]


def test_guarded_logs_a_fault_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_argument: int) -> None:
        raise RuntimeError("a bug")

    guarded(broken)(1)
    assert "in the MQTT client's thread" in caplog.text
    assert "a bug" in caplog.text
