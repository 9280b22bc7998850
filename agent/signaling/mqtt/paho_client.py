"""How paho's client is set up for MQTT 5: connection, will, subscriptions and message
properties.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.signaling.broker import Incoming, Will
from agent.signaling.mqtt.answer_deadline import AnswerDeadline
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.protocol.json_limits import MAX_PAYLOAD
from agent.signaling.protocol.topics import wants_retained

logger = logging.getLogger(__name__)

# QoS 1 messages that we send before the broker acknowledges one; kept below the 20 that paho and
# mosquitto assume
MAX_INFLIGHT = 16
# and further ones that we have given up, and paho has not
MAX_GIVEN_UP = 64
# seconds, to each of the host's addresses, and again for TLS
_CONNECT_TIMEOUT = 5.0
# seconds until it is looked again whether a reader has room
_HELD_BACK = 0.02
# nobody has subscribed to it
_NO_FILTER = "callbox/nothing"
# a payload of the limit, with its topic and properties
_MAX_PACKET = MAX_PAYLOAD + 4096

# A peer that vanished without a word, as in a power cut, is noticed within seconds and not at the
# next ping. Once it is back, TCP's own doubling retransmissions would be slower than to connect
# anew.
_TCP_OPTIONS = (
    # Nagle and delayed acknowledgements cost an answer some 30 ms
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5),  # seconds
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),  # seconds
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 10_000),  # milliseconds
)


class PahoCallbacks(Protocol):
    """What hears of paho's client, in the network thread, with paho's own arguments."""

    def on_connect(self, *arguments: Any) -> None: ...
    def on_disconnect(self, *arguments: Any) -> None: ...
    def on_subscribe(self, *arguments: Any) -> None: ...
    def on_message(self, *arguments: Any) -> None: ...
    def on_publish(self, *arguments: Any) -> None: ...
    def on_log(self, level: int, text: str, arguments: tuple[object, ...]) -> None: ...


def make_client(options: MqttOptions, callbacks: PahoCallbacks) -> paho.Client:
    """A client that does nothing until `reconnect()`. Raises ValueError for a host or port that
    cannot be.
    """
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=options.client_id,
        protocol=paho.MQTTv5,
        transport=options.transport,
        reconnect_on_failure=False,
        manual_ack=True,
    )
    client.suppress_exceptions = True
    client.connect_timeout = _CONNECT_TIMEOUT
    client.max_inflight_messages_set(MAX_INFLIGHT + MAX_GIVEN_UP)
    # With this set, paho never writes to the socket from the thread that publishes.
    client.on_socket_register_write = lambda *_: None
    if options.transport == "websockets":
        client.ws_set_options(path=options.path)
    if options.username is not None:
        password = options.password.get_secret_value() if options.password else None
        client.username_pw_set(options.username, password)
    client.on_connect = guarded(callbacks.on_connect)
    client.on_disconnect = guarded(callbacks.on_disconnect)
    client.on_subscribe = guarded(callbacks.on_subscribe)
    client.on_message = guarded(callbacks.on_message)
    client.on_publish = guarded(callbacks.on_publish)
    client.enable_logger(PahoLog(callbacks.on_log))
    prepare(client, options, None)
    return client


def prepare(client: paho.Client, options: MqttOptions, will: Will | None) -> None:
    """What the next CONNECT asks for, whatever the broker has said to the one before it."""
    if will is None:
        client.will_clear()
    else:
        # RabbitMQ 4.0 hands the property on with what it retains, and breaks off every connection
        # that asks for that: so 0, which it means anyhow, is not said
        delay = {"WillDelayInterval": will.delay} if will.delay else {}
        properties = _properties(PacketTypes.WILLMESSAGE, **delay)
        client.will_set(will.topic, will.payload, will.qos, will.retain, properties)
    connect = _properties(
        PacketTypes.CONNECT,
        SessionExpiryInterval=options.session_expiry,
        ReceiveMaximum=options.receive_maximum,
        MaximumPacketSize=_MAX_PACKET,
    )
    client.connect_async(
        options.host, options.port, options.keepalive, clean_start=False, properties=connect
    )


def say_goodbye(client: paho.Client, options: MqttOptions) -> None:
    """Leave in good order, with the session or without."""
    if options.keeps_session:
        client.disconnect()
    else:
        properties = _properties(PacketTypes.DISCONNECT, SessionExpiryInterval=0)
        client.disconnect(properties=properties)


def hold_back(client: paho.Client, answer: AnswerDeadline) -> MQTTErrorCode:
    """A turn of the loop in which nothing is read: what the broker sends waits with it, and what we
    owe it, pings and acknowledgements, still goes out.
    """
    time.sleep(_HELD_BACK)
    # an answer may be among what is not read
    answer.heard()
    if client.want_write():
        code = client.loop_write()
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return code
    return client.loop_misc()


def ask_if_quiet(client: paho.Client, answer: AnswerDeadline, now: float) -> None:
    """Ask for a sign of life where the broker wants no pings, so that paho sends none, or where it
    owes an answer: it may withhold that one alone. UNSUBSCRIBE of nothing is answered by every
    broker, and does nothing.
    """
    if answer.quiet(now) or answer.doubtful(now):
        answer.ask(now)
        client.unsubscribe(_NO_FILTER)


def on_socket(client: paho.Client, action: Callable[[socket.socket], object]) -> None:
    """Act on the connection's socket, below TLS and WebSocket. What fails on one that is gone is of
    no interest.
    """
    sock = client.socket()
    if sock is not None:
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(sock.fileno())) as twin:
            action(twin)


def tune(sock: socket.socket) -> None:
    """Set what a connection that lasts for months wants of TCP."""
    for option in _TCP_OPTIONS:
        sock.setsockopt(*option)


def subscribe(client: paho.Client, subscriptions: Sequence[tuple[str, int]]) -> int | None:
    """Ask for all of them at once; the id by which the broker's consent will come, or None while
    not connected.
    """
    return client.subscribe([(name, _subscribe_options(name, qos)) for name, qos in subscriptions])[
        1
    ]


def publish_properties(
    expiry: int | None, response_topic: str | None, correlation_data: bytes | None
) -> Properties | None:
    """The properties of one message, those that are None left out."""
    values = {
        "MessageExpiryInterval": expiry,
        "ResponseTopic": response_topic,
        "CorrelationData": correlation_data,
    }
    known = {name: value for name, value in values.items() if value is not None}
    return _properties(PacketTypes.PUBLISH, **known) if known else None


def incoming(message: paho.MQTTMessage, topic: str, on_ack: Callable[[], None] | None) -> Incoming:
    """What arrived, in the port's terms. `topic` is `message.topic`, which paho decodes anew each
    time.
    """
    return Incoming(
        topic=topic,
        payload=bytes(message.payload),
        qos=message.qos,
        retain=message.retain,
        response_topic=getattr(message.properties, "ResponseTopic", None),
        correlation_data=getattr(message.properties, "CorrelationData", None),
        on_ack=on_ack,
    )


def _subscribe_options(topic_filter: str, qos: int) -> SubscribeOptions:
    """`retainAsPublished` shows what was published as retained even to those who were there at the
    time.
    """
    handling = SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE
    if not wants_retained(topic_filter):
        handling = SubscribeOptions.RETAIN_DO_NOT_SEND
    return SubscribeOptions(qos=qos, retainAsPublished=True, retainHandling=handling)


def _properties(packet_type: int, **values: object) -> Properties:
    properties = Properties(packet_type)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


class PahoLog(logging.Logger):
    """Gets paho's log before it is formatted, which costs more than all else of a message."""

    def __init__(self, hear: Callable[[int, str, tuple[object, ...]], None]) -> None:
        super().__init__("paho")
        self._hear = hear

    def log(self, level: int, msg: object, *args: object, **_: object) -> None:
        self._hear(level, str(msg), args)


def has_address_of(connection: socket.socket) -> bool:
    with socket.socket(connection.family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((connection.getsockname()[0], 0))
        except OSError as error:
            return error.errno != errno.EADDRNOTAVAIL
    return True


def guarded(callback: Callable[..., None]) -> Callable[..., None]:
    """`callback`, with its faults logged: paho would either swallow them or end the thread."""

    def call(*arguments: Any) -> None:
        try:
            callback(*arguments)
        except Exception:
            logger.exception("in the MQTT client's thread")

    return call
