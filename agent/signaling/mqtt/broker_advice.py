"""What to do where the broker does not let us in, or gives less than a device needs: one set of
words for the log, `callbox status` and `callbox doctor`.
"""

from __future__ import annotations

from typing import NamedTuple

VERSION_5 = (
    "callbox needs MQTT 5. Switch it on at the broker (VerneMQ: listener.tcp.default "
    "allowed_protocol_versions = 3,4,5), or take one that speaks it: mosquitto from 1.6, RabbitMQ "
    "from 3.13, EMQX, HiveMQ, NanoMQ."
)
NO_RETAIN = (
    "A device is found by its retained messages: let the broker keep them (mosquitto: "
    "retain_available true)."
)
NO_QOS_1 = "Calls need messages of QoS 1: let the broker take them (mosquitto: leave max_qos out)."
NO_GROUPS = (
    "Leave mqtt.share out: give each collector topics of its own by topic_prefixes, or take one. "
    "RabbitMQ grants such a subscription, and delivers nothing."
)
NO_WILDCARD = "A device subscribes to `.../signal/+`: let the broker allow wildcards."
RULES = "`callbox acl mosquitto` (emqx, hivemq, rabbitmq, nanomq) prints the rules that are needed."
_LOGIN = "Check mqtt.username and mqtt.password, and the broker's access rules."
_LATER = "The broker is there, and cannot serve now: it is asked again by itself."
_RATE = "The broker limits how fast clients connect or publish: raise that limit for this device."
_QUOTA = "A limit at the broker is reached (connections, sessions or messages): raise it there."

# by MQTT 5's reason codes (2.4)
_REASONS: dict[int, str] = {
    129: "The broker cannot read what MQTT 5 allows: see its log, and look for a newer version.",
    130: "The broker takes what MQTT 5 allows for a fault: see its log, and look for a newer "
    "version.",
    131: "Something at the broker forbids it: see its log.",
    132: VERSION_5,
    133: "Let the broker take client ids that begin with callbox-, or choose another uid.",
    134: "Check mqtt.username and mqtt.password.",
    135: _LOGIN,
    136: _LATER,
    137: _LATER,
    138: "The broker has banned this client: lift the ban there.",
    139: _LATER,
    140: "Have the broker take a user name and password, or a certificate: callbox has no other "
    "authentication.",
    143: f"The broker does not allow a topic filter. {RULES}",
    144: f"The broker does not allow a topic name: allow topic_prefix there. {RULES}",
    149: "Let the broker take packets of 70,000 bytes: descriptions of calls are of several "
    "thousand.",
    151: _QUOTA,
    152: "Somebody has ended the connection at the broker: see its log.",
    154: NO_RETAIN,
    155: NO_QOS_1,
    156: "Set mqtt.host to the server that the broker names, or see its log.",
    157: "The broker has moved: set mqtt.host to its new address.",
    159: _RATE,
    161: "Let the broker allow subscription identifiers, or look for a newer version.",
    162: NO_WILDCARD,
}

# by the name of an error number, or by a word of ours
_ERRORS: dict[str, str] = {
    "ECONNREFUSED": "Is it running, and on this port? mosquitto listens on 127.0.0.1 alone unless "
    "told otherwise.",
    "name": "The name mqtt.host cannot be resolved: check it, and this machine's DNS.",
    "timeout": "Nothing answers: check mqtt.host and mqtt.port, whether the host is up, and "
    "whether a firewall lets the port through.",
    "EHOSTUNREACH": "No host answers at this address: check mqtt.host, and whether it is up.",
    "ENETUNREACH": "This machine has no way there: check its network, and mqtt.host.",
    "ECONNRESET": "It hung up: check mqtt.port, and the broker's log.",
    "EACCES": "This machine's firewall forbids it: allow the daemon to connect there.",
    "EPERM": "This machine's firewall forbids it: allow the daemon to connect there.",
    "rival": "Give each device a uid of its own, and see that no copy of this one runs elsewhere.",
    "hung up": "It hung up without an answer: check mqtt.port, and the broker's log.",
    "hung up in TLS": "It hung up without an answer: perhaps it wants a certificate of this "
    "device, or another one (mqtt.tls.cert_file). See the broker's log, and check mqtt.port.",
    "silent": "Something listens there and does not answer: check mqtt.port, and whether it wants "
    "TLS (mqtt.tls.enabled).",
}


class Remark(NamedTuple):
    """What a broker gives less of than was asked for, and what to do."""

    text: str
    advice: str

    def __str__(self) -> str:
        return f"{self.text}. {self.advice}"


def advice_on_reason(code: int) -> str:
    """For a reason code of MQTT 5; empty where the words of the code say it all."""
    return _REASONS.get(code, "")


def advice_on_error(kind: str) -> str:
    """For what went wrong below MQTT."""
    return _ERRORS.get(kind, "Check mqtt.host and mqtt.port.")
