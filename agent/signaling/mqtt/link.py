"""The network thread: paho-mqtt's client, connected again and again until told to stop.

paho could reconnect by itself, but its pauses have no jitter, and an exception in its thread (a
broken packet, a callback) ends the thread while `is_connected()` stays true. So the thread is ours:
each attempt is one call of `_attempt`, whatever happens in it ends as a `DisconnectReason`, and the
next attempt starts afresh. Only paho's public interface is used. What the event loop needs to know
is posted to it; of this class the loop calls `send`, `ack`, `goodbye`, `abort` and what is in
`subscriptions`, which paho allows from other threads.
"""

from __future__ import annotations

import logging
import math
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from functools import partial

from paho.mqtt import client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.counts import RefusalKind, refusals
from agent.errors import SignalingError
from agent.signaling.broker import Will
from agent.signaling.mqtt.answer_deadline import AnswerDeadline
from agent.signaling.mqtt.backoff import Backoff
from agent.signaling.mqtt.disconnect import (
    KEEP_ALIVE_TIMEOUT,
    SILENT,
    DisconnectReason,
    DisconnectReasons,
)
from agent.signaling.mqtt.link_listener import LinkListener, Terms
from agent.signaling.mqtt.mqtt_options import MqttOptions, TlsContext
from agent.signaling.mqtt.paho_client import (
    PahoLog,
    ask_if_quiet,
    guarded,
    has_address_of,
    incoming,
    make_client,
    on_socket,
    prepare,
    publish_properties,
    tune,
)
from agent.signaling.mqtt.publish_queue import Outgoing
from agent.signaling.mqtt.subscriptions import Subscriptions
from agent.signaling.protocol.json_limits import bounded
from agent.signaling.router import Router

logger = logging.getLogger(__name__)

# seconds from the TCP connection to the broker's consent to our subscriptions
_READY_TIMEOUT = 10.0
_GOODBYE_TIMEOUT = 1.0


class Link:
    """One thread, one paho client, one connection after the other."""

    def __init__(
        self,
        options: MqttOptions,
        will: Will | None,
        router: Router,
        listener: LinkListener,
        post: Callable[..., None],
    ) -> None:
        self._options = options
        self._router = router
        self._listener = listener
        self._post = post
        self._stopping = threading.Event()
        # we have cut the connection, as our address is gone
        self._moved = threading.Event()
        self._context: TlsContext | None = None
        # counts connections, so that an acknowledgement never goes to the wrong one
        self._epoch = 0
        self._up_since: float | None = None
        self._terms = Terms()
        self._answer = AnswerDeadline(options.keepalive)
        self._endings = DisconnectReasons(options.client_id)
        self._loss: DisconnectReason | None = None
        self._detail = ""
        self._will = will
        # set: the next connection begins with a client that holds no messages
        self._forgetting = threading.Event()
        self._client = self._make_client(will)
        self.subscriptions = Subscriptions(self._client)
        self._thread = threading.Thread(
            target=self._run, name=f"mqtt-{options.client_id}", daemon=True
        )

    # --- the event loop's side --------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def send(self, message: Outgoing, expiry: int | None) -> int | None:
        """Hand a message to paho: its id, by which `link_published` will name it, or None where it
        has no room.

        Raises SignalingError for one that MQTT cannot carry.
        """
        properties = publish_properties(expiry, message.response_topic, message.correlation_data)
        if message.qos:
            # now: the answer may be here before paho has returned
            self._answer.ask(time.monotonic())
        try:
            info = self._client.publish(
                message.topic, message.payload, message.qos, message.retain, properties
            )
        except (ValueError, struct.error) as error:
            # it never left; what else is owed, the next message or ping asks for again
            self._answer.heard()
            raise SignalingError(f"cannot publish to {bounded(message.topic)}: {error}") from error
        return None if info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE else info.mid

    def join(self) -> None:
        """Wait for the thread's very end. After `link_stopped` that is the next instruction."""
        self._thread.join(1)
        if not self._thread.is_alive():
            # closes the pair of sockets that woke it; paho would leave them to the GC
            self._client.reinitialise()

    def goodbye(self) -> None:
        """Disconnect in good order and end the thread; `link_stopped` follows."""
        self._stopping.set()
        self._client.disconnect()

    def abort(self) -> None:
        """Cut the connection without a goodbye, as a lost network would."""
        on_socket(self._client, lambda sock: sock.shutdown(socket.SHUT_RDWR))

    def forget_messages(self) -> None:
        """Have nothing sent again that was handed over. Only after `link_down`."""
        self._forgetting.set()

    def leave_lost_address(self) -> None:
        """Cut the connection if this machine does not have its address any more: TCP would try on
        for minutes.

        The next attempt follows without a pause: it is no broker that has to be spared.
        """
        on_socket(self._client, self._cut_if_lost)

    def _cut_if_lost(self, connection: socket.socket) -> None:
        if not has_address_of(connection):
            self._moved.set()
            connection.shutdown(socket.SHUT_RDWR)

    # --- the network thread -----------------------------------------------------------------------

    def _run(self) -> None:
        backoff = Backoff(self._options)
        while not self._stopping.is_set():
            began = time.monotonic()
            loss = self._attempt()
            spent, now = 0.0, time.monotonic()
            if self._up_since is None:
                spent = now - began
            else:
                backoff.held(now - self._up_since)
            self._up_since = None
            if not self._stopping.is_set():
                self._post(self._listener.link_down, loss)
                self._stopping.wait(
                    0.0 if self._moved.is_set() else backoff.next(slow=loss.slow, spent=spent)
                )
            self._moved.clear()
        self._post(self._listener.link_stopped)

    def _attempt(self) -> DisconnectReason:
        """One connection, from the first packet to the last."""
        self._epoch += 1
        self._loss, self._detail = None, ""
        self._answer.heard()
        try:
            if self._forgetting.is_set():
                self._renew_client()
            self._load_tls()
            prepare(self._client, self._options)
            self._client.reconnect()
            on_socket(self._client, tune)
            return self._serve()
        except (SignalingError, OSError) as error:
            return DisconnectReason.of(error)
        except Exception as error:
            # the thread's edge: whatever paho makes of a broken packet, go on
            logger.exception("the MQTT client failed; connecting afresh")
            return DisconnectReason(f"{type(error).__name__}: {error}", slow=True)
        finally:
            self.subscriptions.disconnected()
            if (connection := self._client.socket()) is not None:
                connection.close()

    def _serve(self) -> DisconnectReason:
        ready_by = time.monotonic() + _READY_TIMEOUT
        leave_by = math.inf
        code = MQTTErrorCode.MQTT_ERR_SUCCESS
        while code == MQTTErrorCode.MQTT_ERR_SUCCESS and self._loss is None:
            now = time.monotonic()
            if self._stopping.is_set() and leave_by == math.inf:
                leave_by = now + _GOODBYE_TIMEOUT
                # once more: `goodbye` may have come before there was a socket
                self._client.disconnect()
            if now >= leave_by:
                return DisconnectReason("stopped")
            if self._up_since is None and now >= ready_by:
                return DisconnectReason(f"no answer from the broker within {_READY_TIMEOUT:g} s")
            if now >= self._answer.due:
                return DisconnectReason(SILENT)
            ask_if_quiet(self._client, self._answer, now)
            code = self._client.loop(
                0.2 if self._stopping.is_set() else self._patience(now, ready_by)
            )
        return self._loss or self._lost(code)

    def _patience(self, now: float, ready_by: float) -> float:
        """How long to wait for a packet before the deadlines are looked at again."""
        ready_by = math.inf if self._up_since is not None else ready_by
        return max(0.0, min(now + 1.0, ready_by, self._answer.due) - now)

    def _lost(self, code: MQTTErrorCode) -> DisconnectReason:
        # TLS 1.3 tells of a refused certificate only now
        tls = self._up_since is None and "ssl" in self._detail.lower()
        reason = self._detail or paho.error_string(code).rstrip(".")
        return DisconnectReason(reason, slow=tls, cut=code == MQTTErrorCode.MQTT_ERR_CONN_LOST)

    def _renew_client(self) -> None:
        # paho gives up no message that it holds
        self._forgetting.clear()
        self._client.reinitialise()
        self._client, self._context = self._make_client(self._will), None
        self.subscriptions.use(self._client)

    def _load_tls(self) -> None:
        tls = self._options.tls
        if tls is None:
            return
        if self._context is None:
            self._context = TlsContext(ssl.PROTOCOL_TLS_CLIENT)
            self._client.tls_set_context(self._context)
            self._client.tls_insecure_set(tls.insecure)
        self._context.renew(tls)

    # --- paho's callbacks, in the network thread --------------------------------------------------

    def _make_client(self, will: Will | None) -> paho.Client:
        client = make_client(self._options, will)
        client.on_connect = guarded(self._on_connect)
        client.on_disconnect = guarded(self._on_disconnect)
        client.on_subscribe = guarded(self._on_subscribe)
        client.on_message = guarded(self._on_message)
        client.on_publish = guarded(self._on_publish)
        client.enable_logger(PahoLog(self._on_log))
        return client

    def _on_connect(
        self, _c: object, _d: object, flags: paho.ConnectFlags, reason: ReasonCode, said: Properties
    ) -> None:
        if reason.is_failure:
            self._loss = DisconnectReason.refused(reason)
            return
        logger.debug("connected, session present: %s", flags.session_present)
        self._terms = Terms.of(said, self._options.session_expiry)
        if not self.subscriptions.connected():
            self._ready()

    def _on_subscribe(
        self, _client: object, _data: object, mid: int, reasons: list[ReasonCode], *_: object
    ) -> None:
        answers, first = self.subscriptions.answered(mid, reasons)
        for answer in answers:
            if answer.refusal is not None and answer.wanted.essential:
                self._loss = DisconnectReason(answer.refusal, slow=True)
                return
            if answer.refusal is not None:
                logger.error("%s", answer.refusal)
        self._post(self._listener.link_subscribed, answers)
        if first:
            self._ready()

    def _ready(self) -> None:
        self._up_since = time.monotonic()
        self._post(self._listener.link_up, self._terms)

    def _on_disconnect(
        self,
        _client: object,
        _data: object,
        flags: paho.DisconnectFlags,
        reason: ReasonCode,
        *_: object,
    ) -> None:
        if self._loss is None and flags.is_disconnect_packet_from_server:
            self._loss = self._endings.of(reason, time.monotonic())
        elif self._loss is None and reason.value == KEEP_ALIVE_TIMEOUT:
            self._loss = DisconnectReason(SILENT)

    def _on_publish(
        self, _client: object, _data: object, mid: int, reason: ReasonCode, *_: object
    ) -> None:
        self._post(self._listener.link_published, mid, str(reason) if reason.is_failure else None)

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            refusals.count(RefusalKind.MESSAGE)
            topic, readers = "", []
        else:
            readers = self._router.readers(topic, len(message.payload))
        if not readers:
            # before anything is made of it: somebody may send as fast as he can
            if message.qos:
                self._client.ack(message.mid, 1)
            return
        on_ack = partial(self.ack, self._epoch, message.mid) if message.qos else None
        self._router.dispatch(incoming(message, topic, on_ack), readers)

    def ack(self, epoch: int, mid: int) -> None:
        """Acknowledge what connection `epoch` brought as `mid`. On a later one the broker delivers
        it again.
        """
        if epoch == self._epoch:
            self._client.ack(mid, 1)

    def _on_log(self, level: int, text: str, arguments: tuple[object, ...]) -> None:
        """The only place where paho says what went wrong with the socket, when it pings, and that
        anything arrived.
        """
        if level == logging.ERROR:
            self._detail = bounded(text % arguments)
        elif text.startswith("Received "):
            self._answer.arrived(time.monotonic())
        elif text == "Sending PINGREQ":
            self._answer.ask(time.monotonic())
