"""What a broker allows on a connection, of its CONNACK (MQTT 5, 3.2.2.3)."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass

from paho.mqtt.properties import Properties

from agent.signaling.broker import Will
from agent.signaling.mqtt.broker_advice import NO_GROUPS, NO_QOS_1, NO_RETAIN, NO_WILDCARD, Remark
from agent.signaling.mqtt.disconnect import DisconnectReason
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.mqtt.paho_client import MAX_INFLIGHT

logger = logging.getLogger(__name__)

# bytes that the largest ordinary message needs: the description of a call with its candidates
ROOM = 32 * 1024


@dataclass(frozen=True, slots=True)
class Terms:
    """Messages in flight, and bytes in a packet; what is less than was asked for; and without what
    there is no use in the connection.
    """

    inflight: int = MAX_INFLIGHT
    packet_size: float = math.inf
    remarks: tuple[Remark, ...] = ()
    lacking: DisconnectReason | None = None

    @classmethod
    def of(cls, connack: Properties, options: MqttOptions, *, will: Will | None) -> Terms:
        """Whoever has a retained `will` publishes retained messages as well. What is less is told
        in the log.
        """
        remarks = tuple(_remarks(connack, options, will))
        for remark in remarks:
            logger.warning("%s", remark)
        return cls(
            inflight=min(MAX_INFLIGHT, getattr(connack, "ReceiveMaximum", MAX_INFLIGHT)),
            packet_size=getattr(connack, "MaximumPacketSize", math.inf),
            remarks=remarks,
            lacking=_lacking(connack, options, will),
        )


def _remarks(connack: Properties, options: MqttOptions, will: Will | None) -> Iterator[Remark]:
    # RabbitMQ says who it is by what it lacks, and takes the will without a word
    lacks_groups = not getattr(connack, "SharedSubscriptionAvailable", 1)
    is_as_rabbitmq = lacks_groups and getattr(connack, "MaximumQoS", 2) == 1
    if is_as_rabbitmq and will is not None and will.retain and will.delay:
        yield Remark(
            "the broker seems to be RabbitMQ, which does not retain a will that is delayed: a "
            "device that is cut off would stay `online` for ever",
            "Set mqtt.will_delay = 0.",
        )
    wanted = options.session_expiry
    kept = getattr(connack, "SessionExpiryInterval", wanted)
    if kept < wanted:
        yield Remark(
            f"the broker keeps what comes while we are away for {kept} s, not for {wanted}",
            "What is sent to a device that is away for longer is lost. Raise the broker's limit "
            "(mosquitto: persistent_client_expiration; EMQX: mqtt.session_expiry_interval; "
            "RabbitMQ: mqtt.max_session_expiry_interval_seconds).",
        )
    if getattr(connack, "ServerKeepAlive", options.keepalive) == 0:
        yield Remark(
            "the broker switches pings off (keep-alive 0)",
            f"It would not notice a device that is gone: have it take a keep-alive of "
            f"{options.keepalive} s. The device asks for a sign of life at that pace all the same.",
        )
    if (size := getattr(connack, "MaximumPacketSize", math.inf)) < ROOM:
        yield Remark(
            f"the broker takes packets of {size} bytes at most",
            "Descriptions of calls and events may be larger, and are then not sent: let it take "
            "70,000 bytes.",
        )


def _lacking(
    connack: Properties, options: MqttOptions, will: Will | None
) -> DisconnectReason | None:
    if will is not None and will.retain and not getattr(connack, "RetainAvailable", 1):
        text, advice = "the broker keeps no retained messages", NO_RETAIN
    elif getattr(connack, "MaximumQoS", 1) < 1:
        text, advice = "the broker takes no messages of QoS 1", NO_QOS_1
    elif not getattr(connack, "WildcardSubscriptionAvailable", 1):
        text, advice = "the broker allows no wildcards in subscriptions", NO_WILDCARD
    elif options.shares and not getattr(connack, "SharedSubscriptionAvailable", 1):
        text, advice = "the broker has no shared subscriptions", NO_GROUPS
    else:
        return None
    return DisconnectReason(text, slow=True, advice=advice)
