"""The network thread: paho-mqtt's client, connected again and again until told to stop.

paho could reconnect by itself, but its pauses have no jitter, and an exception in its thread (a
broken packet, a callback) ends the thread while `is_connected()` stays true. So the thread is ours:
each attempt is one call of `_attempt`, whatever happens in it ends as a `DisconnectReason`, and the
next attempt starts afresh. Only paho's public interface is used. What the event loop needs to know
is posted to it; what the loop calls of this class, paho allows from other threads.
"""

from __future__ import annotations

import logging
import math
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from paho.mqtt import client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.errors import SignalingError
from agent.signaling.broker import Will
from agent.signaling.mqtt.answer_deadline import AnswerDeadline
from agent.signaling.mqtt.broker_advice import RULES, advice_on_error
from agent.signaling.mqtt.client_tls import ClientTls
from agent.signaling.mqtt.deliveries import Deliveries
from agent.signaling.mqtt.disconnect import (
    KEEP_ALIVE_TIMEOUT,
    SILENT,
    UNSUPPORTED_VERSION,
    DisconnectReason,
    DisconnectReasons,
)
from agent.signaling.mqtt.link_listener import LinkListener
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.mqtt.paho_client import (
    ask_if_quiet,
    has_address_of,
    hold_back,
    make_client,
    on_socket,
    prepare,
    publish_properties,
    say_goodbye,
    tune,
)
from agent.signaling.mqtt.pauses import Pauses
from agent.signaling.mqtt.puback import PubAck
from agent.signaling.mqtt.publish_queue import Outgoing
from agent.signaling.mqtt.second_look import SecondLook
from agent.signaling.mqtt.subscriptions import Answers, Subscriptions
from agent.signaling.mqtt.terms import Terms
from agent.signaling.mqtt.will_trial import WillTrial
from agent.signaling.protocol.json_limits import bounded
from agent.signaling.router import Router

logger = logging.getLogger(__name__)

# seconds from the TCP connection to the broker's consent to our subscriptions
_READY_TIMEOUT = 10.0
_GOODBYE_TIMEOUT = 1.0
_TOO_MUCH = "it has sent more than could be kept: the rest comes with another connection"
_NOT_READY = f"no answer from the broker within {_READY_TIMEOUT:g} s"


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
        self._deliveries = Deliveries(router)
        self._listener = listener
        self._post = post
        self._stopping = threading.Event()
        self._pauses = Pauses(options)
        self._tls = ClientTls(options.tls)
        self._up_since: float | None = None
        # once the broker has taken our CONNECT
        self._terms: Terms | None = None
        self._answer = AnswerDeadline(options.keepalive)
        self._endings = DisconnectReasons(options.client_id)
        self._loss: DisconnectReason | None = None
        self._detail = ""
        self.will_trial = WillTrial(will)
        self._second_look = SecondLook(options)
        # set: the next client is to hold no messages
        self._forgetting = threading.Event()
        self._client = make_client(options, self)
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
        self._pauses.end()
        say_goodbye(self._client, self._options)

    def rival_stands(self, stands: bool) -> None:
        """Whether another client of our name is about, which is not to be fought over."""
        self._pauses.spare(stands)

    def clock_stepped(self) -> None:
        """What failed by the time of day is tried again at once."""
        self._pauses.clock_stepped()

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
            self._pauses.moved()
            connection.shutdown(socket.SHUT_RDWR)

    # --- the network thread -----------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            loss = self._attempt()
            now = time.monotonic()
            up_since, self._up_since = self._up_since, None
            if not self._stopping.is_set():
                self._post(self._listener.link_down, loss)
                if up_since is None:
                    self._pauses.failed(loss, spent=now - began)
                else:
                    self._pauses.lost(loss, held=now - up_since)
        self._post(self._listener.link_stopped)

    def _attempt(self) -> DisconnectReason:
        """One connection, from the first packet to the last."""
        self._loss, self._detail, self._terms = None, "", None
        self._answer.heard()
        loss = DisconnectReason("")
        try:
            if self._forgetting.is_set():
                self._renew_client()
            self._tls.load(self._client)
            prepare(self._client, self._options, self.will_trial.for_next(time.monotonic()))
            self._deliveries.begin(self._client)
            self._client.reconnect()
            on_socket(self._client, tune)
            loss = self._explained(self._serve())
        except (SignalingError, OSError) as error:
            loss = DisconnectReason.of(error)
        except Exception as error:
            # the thread's edge: whatever paho makes of a broken packet, go on
            logger.exception("the MQTT client failed; connecting afresh")
            loss = DisconnectReason(f"{type(error).__name__}: {error}", slow=True)
        finally:
            self.subscriptions.disconnected(
                time.monotonic(), cut=loss.cut, timed_out=loss.reason == _NOT_READY
            )
            if (connection := self._client.socket()) is not None:
                connection.close()
        return loss

    def _explained(self, loss: DisconnectReason) -> DisconnectReason:
        """What it means that an attempt ended, where the broker had not taken our CONNECT."""
        if self._terms is not None or self._stopping.is_set():
            return loss
        if self.will_trial.refused(loss.code):
            self._pauses.at_once()
            return loss if loss.code is not None else replace(loss, slow=False)
        if loss.code is None or loss.code == UNSUPPORTED_VERSION:
            return self._second_look.at(loss, self._tls.context)
        return loss

    def _serve(self) -> DisconnectReason:
        ready_by, leave_by = time.monotonic() + _READY_TIMEOUT, math.inf
        code = MQTTErrorCode.MQTT_ERR_SUCCESS
        while code == MQTTErrorCode.MQTT_ERR_SUCCESS and self._loss is None:
            now = time.monotonic()
            if self._stopping.is_set() and leave_by == math.inf:
                leave_by = now + _GOODBYE_TIMEOUT
                say_goodbye(self._client, self._options)
            if now >= leave_by:
                return DisconnectReason("stopped")
            if self._up_since is None and now >= ready_by:
                return DisconnectReason(_NOT_READY, advice=advice_on_error("silent"))
            if now >= self._answer.due:
                return DisconnectReason(SILENT)
            if self._up_since is not None and self._deliveries.wants_rest:
                self._pauses.at_once()
                return DisconnectReason(_TOO_MUCH)
            ask_if_quiet(self._client, self._answer, now)
            self._hear(self.subscriptions.turn(now))
            code = self._turn(now, ready_by)
        reason = self._detail or paho.error_string(code).rstrip(".")
        cut = code == MQTTErrorCode.MQTT_ERR_CONN_LOST
        taken, tls = self._terms is not None, self._tls.context is not None
        return self._loss or DisconnectReason.closed(reason, cut=cut, taken=taken, tls=tls)

    def _turn(self, now: float, ready_by: float) -> MQTTErrorCode:
        """Wait for a packet until the deadlines are looked at again."""
        if (ready := self._up_since is not None) and self._deliveries.full:
            return hold_back(self._client, self._answer)
        pause = 0.2 if self._stopping.is_set() else 1.0
        until = min(now + pause, math.inf if ready else ready_by, self._answer.due)
        return self._client.loop(max(0.0, until - now))

    def _renew_client(self) -> None:
        # paho gives up no message that it holds
        self._forgetting.clear()
        self._client.reinitialise()
        self._client = make_client(self._options, self)
        self._tls.forget()
        self.subscriptions.use(self._client)

    # --- paho's callbacks -------------------------------------------------------------------------

    def on_connect(
        self, _c: object, _d: object, _flags: object, reason: ReasonCode, said: Properties
    ) -> None:
        if reason.is_failure:
            self._loss = DisconnectReason.refused(reason)
            return
        self._terms, now = (
            Terms.of(said, self._options, will=self.will_trial.will),
            time.monotonic(),
        )
        self._second_look.forget()
        if self._terms.lacking is not None:
            self._loss = self._terms.lacking
        elif not self.will_trial.accepted(now):
            self._pauses.at_once()
            self._loss = DisconnectReason("trying whether the broker hangs up for our will")
        else:
            self._hear(self.subscriptions.connected(now))

    def on_subscribe(
        self, _client: object, _data: object, mid: int, reasons: list[ReasonCode], *_: object
    ) -> None:
        self._hear(self.subscriptions.answered(mid, reasons, time.monotonic()))

    def _hear(self, said: Answers) -> None:
        answers, last = said
        for answer in answers:
            if answer.refusal is not None and answer.wanted.essential:
                self._loss = DisconnectReason(answer.refusal, slow=True, advice=RULES)
                return
            if answer.refusal is not None:
                logger.error("%s", answer.refusal)
        if answers:
            self._post(self._listener.link_subscribed, answers)
        if last:
            self._ready()

    def _ready(self) -> None:
        self._up_since = time.monotonic()
        self._post(self._listener.link_up, self._terms or Terms())

    def on_disconnect(
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

    def on_publish(
        self, _client: object, _data: object, mid: int, reason: ReasonCode, *_: object
    ) -> None:
        self._post(self._listener.link_published, mid, PubAck.of(reason))

    def on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        self._deliveries.take(message)

    def on_log(self, level: int, text: str, arguments: tuple[object, ...]) -> None:
        """The only place where paho says what went wrong with the socket, when it pings, and that
        anything arrived.
        """
        if level == logging.ERROR:
            self._detail = bounded(text % arguments)
        elif text.startswith("Received "):
            self._answer.arrived(time.monotonic())
        elif text == "Sending PINGREQ":
            self._answer.ask(time.monotonic())
