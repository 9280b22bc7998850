"""`callbox doctor` says of a broker that is set up wrongly what the daemon finds, with the words
that a person needs: in each of these the doctor, `callbox status` and the daemon's log.
"""

from __future__ import annotations

import asyncio
from datetime import UTC
from pathlib import Path

import pytest

from agent.commands.status_report import describe
from agent.core.policy.rules import Policy
from agent.device.parts import compose
from agent.device.snapshots import SnapshotMaker
from agent.doctor.broker_check import check_broker
from agent.service.status_socket import as_json
from agent.settings import Settings
from agent.signaling.mqtt.connection import MqttBroker
from tests.faults.set_ups import (
    SetUp,
    allowing,
    another,
    answering,
    at,
    client,
    ended,
    files,
    issued,
    made_by_openssl,
    not_named,
    over_tls,
    refusing,
    subscriptions,
)
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.lengthy

ACL = "callbox acl"
SET_UPS: dict[str, SetUp] = {
    # nobody, or somebody else
    "nobody listens": at("127.0.0.1", "refused", "Is it running, and on this port?"),
    "no such name": at("no-such-host.invalid", "mqtt.host cannot be resolved", "DNS"),
    "a web server": answering(b"HTTP/1.1 400 Bad\r\n\r\n", "that is a web server", "mqtt.port"),
    "an SSH server": answering(b"SSH-2.0-x\r\n", "that is an SSH server", "mqtt.port"),
    "AMQP": answering(b"AMQP\x00\x00\x09\x01", "that is AMQP", "rabbitmq_mqtt"),
    "TLS on the port": answering(
        bytes.fromhex("15030100020246"), "the port speaks TLS", "mqtt.tls.enabled to true"
    ),
    "hangs up": answering(b"", "hung up without an answer", "mqtt.port"),
    # version, by 3.1.1's words and by 5's
    "3.1.1 alone": answering(bytes.fromhex("20020001"), "MQTT 3.1.1 only", "needs MQTT 5"),
    "3.1.1, and a password": answering(bytes.fromhex("20020005"), "3.1.1 only", "needs MQTT 5"),
    "version": answering(
        bytes.fromhex("2003008400"), "Unsupported protocol version", "needs MQTT 5"
    ),
    # what CONNACK may say
    "unspecified": refusing(128, "Unspecified error"),
    "malformed": refusing(129, "Malformed packet", "see its log"),
    "protocol error": refusing(130, "Protocol error", "see its log"),
    "implementation": refusing(131, "Implementation specific", "see its log"),
    "client id": refusing(
        133, "Client identifier not valid", "client ids that begin with callbox-"
    ),
    "password": refusing(134, "Bad user name or password", "mqtt.username and mqtt.password"),
    "not authorized": refusing(135, "Not authorized", "mqtt.password", "access rules"),
    "unavailable": refusing(136, "Server unavailable", "asked again by itself"),
    "busy": refusing(137, "Server busy", "asked again by itself"),
    "banned": refusing(138, "Banned", "lift the ban"),
    "authentication": refusing(140, "Bad authentication method", "user name and password"),
    "topic name": refusing(144, "Topic name invalid", "topic_prefix"),
    "packet size": refusing(149, "Packet too large", "70,000 bytes"),
    "quota": refusing(151, "Quota exceeded", "limit at the broker"),
    "no retain": refusing(154, "Retain not supported", "retain_available"),
    "no QoS 1": refusing(155, "QoS not supported", "max_qos"),
    "another server": refusing(156, "Use another server", "mqtt.host"),
    "moved": refusing(157, "Server moved", "mqtt.host"),
    "rate": refusing(159, "Connection rate exceeded", "raise that limit"),
    # what it says of itself
    "keeps nothing": allowing("keeps no retained messages", "retain_available", RetainAvailable=0),
    "at most once": allowing("no messages of QoS 1", "max_qos", MaximumQoS=0),
    "no wildcards": allowing("no wildcards", "signal/+", WildcardSubscriptionAvailable=0),
    "short session": allowing(
        "for 60 s, not for 3600", "max_session_expiry", SessionExpiryInterval=60
    ),
    "keep-alive 0": allowing("keep-alive 0", "at that pace all the same", ServerKeepAlive=0),
    "small packets": allowing("1000 bytes at most", "70,000 bytes", MaximumPacketSize=1000),
    # as RabbitMQ, which says nothing of its wills
    "no delayed will": allowing(
        "does not retain a will that is delayed",
        "mqtt.will_delay = 0",
        SharedSubscriptionAvailable=0,
        MaximumQoS=1,
    ),
    # subscriptions
    "no signals": subscriptions("signal/+", 0x87, "door-1/signal/+", "Not authorized"),
    "no commands": subscriptions("command/+", 0x87, "door-1/command/+", "Not authorized"),
    "no wildcards in filters": subscriptions("signal/+", 0xA2, "door-1/signal/+", "Wildcard"),
    "cut for a filter": subscriptions("command/+", None, "door-1/command/+", "ends the connection"),
    "silent on a filter": subscriptions("command/+", -1, "door-1/command/+", "does not answer"),
    "QoS 0 granted": subscriptions("", 0, "with QoS 0", "is lost", granted=0),
    # ends
    "moved while connected": ended(157, "Server moved", "mqtt.host"),
    "taken over": ended(142, "two devices of one uid"),
    # certificates
    "expired": over_tls(issued(days=-1), "has expired", "clock", "renew"),
    "another name": over_tls(
        issued(address="127.0.0.2"), "not valid for '127.0.0.1'", "subjectAltName"
    ),
    "authority not named": over_tls(not_named, "unable to get local issuer", "mqtt.tls.ca_file"),
    "another authority": over_tls(another, "unable to get local issuer", "mqtt.tls.ca_file"),
    "no authority": over_tls(
        made_by_openssl("basicConstraints=critical,CA:FALSE"), "invalid CA", "basicConstraints"
    ),
    "may not sign": over_tls(
        made_by_openssl("basicConstraints=CA:TRUE", "keyUsage=digitalSignature"), "keyCertSign"
    ),
    "not for servers": over_tls(
        made_by_openssl("basicConstraints=CA:TRUE", usage="extendedKeyUsage=clientAuth"),
        "purpose",
        "serverAuth",
    ),
    # asyncio closes without an alert; mosquitto's words are in test_connection_tls
    "wants our certificate": over_tls(client("none"), "mqtt.tls.cert_file"),
    "does not know ours": over_tls(client("unknown"), "mqtt.tls.cert_file"),
    "ours has expired": over_tls(client("expired"), "mqtt.tls.cert_file"),
    "no PEM": over_tls(files("ca_file"), "CA file", "text.pem"),
    "another key": over_tls(files("pair"), "door-2.key", "MISMATCH"),
    "a key with a passphrase": over_tls(files("encrypted"), "encrypted", "without a passphrase"),
}
# Here an answer is waited for in vain, so not for long. Everywhere else one comes.
SILENT = {"silent on a filter"}
SLOW = 20.0  # seconds


@pytest.fixture(autouse=True)
def quick(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.doctor.broker_check.HOLDS", 0.3)
    monkeypatch.setattr("agent.signaling.mqtt.pauses.Backoff.next", lambda *_a, **_k: 0.05)
    if name in SILENT:
        monkeypatch.setattr("agent.signaling.mqtt.link._READY_TIMEOUT", 1.5)
        monkeypatch.setattr("agent.signaling.mqtt.subscriptions.PATIENCE", 0.3)
        monkeypatch.setattr("agent.signaling.mqtt.probe.TIMEOUT", 0.5)
        return
    decide = MqttBroker.wait_decided

    async def decide_once_answered(broker: MqttBroker, timeout: float) -> None:
        """How long the first answer takes is the machine's affair."""
        await until(lambda: broker.connected or broker.trouble is not None)
        await decide(broker, timeout)

    monkeypatch.setattr(MqttBroker, "wait_decided", decide_once_answered)


def lacking(words: tuple[str, ...], text: str) -> list[str]:
    said = " ".join(text.split()).lower().replace("_", " ")
    return [each for each in words if each.lower().replace("_", " ") not in said]


def given(mqtt: dict[str, object], folder: Path) -> Settings:
    values = {
        "uid": "door-1",
        "state_directory": folder,
        "mqtt": mqtt,
        "video": {"source": "pattern"},
    }
    return Settings.model_validate(values)


@pytest.mark.parametrize("name", SET_UPS)
async def test_broken_set_up_is_told_in_the_same_words(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    it = SET_UPS[name]
    words, patience = it.words, SLOW if name in SILENT else 2.0
    async with it.opening(tmp_path) as mqtt:
        settings = given(mqtt, tmp_path)
        async with asyncio.timeout(PATIENCE):
            found = [
                each
                async for each in check_broker(settings, daemon_is_here=True, patience=patience)
            ]
        told = "\n".join(f"{each.area} {each.text} {each.advice}" for each in found)
        caplog.clear()
        shown = await by_the_daemon(settings, words, caplog)
    assert not lacking(words, told), f"doctor: {told}"
    assert not lacking(words, shown), f"status: {shown}"
    assert not lacking(words, caplog.text), f"log: {caplog.text}"


async def by_the_daemon(
    settings: Settings, words: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> str:
    """What `callbox status` shows, once it has the words, or does not get them."""
    policy = Policy(timezone=UTC)
    parts = compose(settings, policy, lambda: (settings, policy))
    known = (parts.state, parts.client, parts.broker, parts.video, parts.outbox)
    maker = SnapshotMaker(settings, *known)

    def shown() -> str:
        return describe(as_json(maker.snapshot()))

    text = ""
    async with parts.broker:
        try:
            async with asyncio.timeout(PATIENCE):
                while lacking(words, text) or lacking(words, caplog.text):
                    await asyncio.sleep(0.02)
                    text = shown()
        except TimeoutError:
            pass
    return text
