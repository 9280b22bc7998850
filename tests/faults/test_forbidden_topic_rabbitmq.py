"""RabbitMQ 4 ends the connection for a topic that its rules forbid: one event is enough, a rejected
call's as well, and the device is on line all the same.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from pathlib import Path

import pytest
from pydantic import SecretStr

from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.mqtt.suspects import MAX_LOSSES
from tests.e2e.device import Program, configuration
from tests.faults.trixie_brokers import TrixieRabbitMq
from tests.waiting import until
from tests.webrtc.offers import BROWSER_OFFER

pytestmark = [pytest.mark.broker, pytest.mark.further_case, pytest.mark.timeout(420)]

FORBIDDEN = "callbox/v1/door-1/events/closed"
LOST = "lost the broker"
WILL = "mqtt.will_delay = 0"
# seconds
PATIENCE = 90.0


async def told(folder: Path) -> list[dict[str, str]]:
    """What `callbox status` says that the broker does less of."""
    env = {"XDG_RUNTIME_DIR": str(folder)}
    status = await Program.start(folder / "status.log", "status", "--json", env=env)
    code, output = await status.finish()
    assert code == 0
    return list(json.loads(output)["broker_limits"])


async def invite(port: int) -> dict[str, object]:
    """Alice calls, and is answered."""
    login = MqttOptions(port=port, client_id="alice", username="alice", password=SecretStr("x"))
    async with MqttBroker(login) as alice, asyncio.timeout(PATIENCE):
        answers = alice.subscribe("callbox/v1/alice/signal/+")
        await alice.wait_connected(PATIENCE)
        await answers.wait_granted(PATIENCE)
        sent = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        body = {"type": "invite", "conversation": str(uuid.uuid4()), "party": "p", "lifetime": 30}
        body |= {"sdp": BROWSER_OFFER, "sentAt": sent}
        await alice.publish("callbox/v1/door-1/signal/alice", json.dumps(body).encode())
        while True:
            said = json.loads((await answers.receive()).payload)
            if said["type"] == "response":
                return dict(said)


async def test_forbidden_topic_at_rabbitmq_does_not_keep_the_device_off_line(
    tmp_path: Path,
) -> None:
    (tmp_path / "broker").mkdir()
    with TrixieRabbitMq(tmp_path / "broker", {"door-1": "x", "alice": "x"}) as broker:
        for user in ("door-1", "alice"):
            await asyncio.to_thread(broker.control, "set_permissions", user, ".*", ".*", ".*")
        allowed = r"^callbox.v1.(?!door-1.events.closed).*"
        await asyncio.to_thread(
            broker.control, "set_topic_permissions", "door-1", "amq.topic", allowed, ".*"
        )
        config = configuration(tmp_path, broker.port, policy="[policy]\nrule = []\n")
        login = '[mqtt]\nusername = "door-1"\npassword = "x"\n'
        config.write_text(config.read_text().replace("[mqtt]\n", login))
        device = await Program.start(
            tmp_path / "door.log",
            "run",
            "--config",
            str(config),
            env={"XDG_RUNTIME_DIR": str(tmp_path)},
        )
        try:
            await until(lambda: "is callable" in device.log())
            assert (await invite(broker.port))["callStatus"] == "REJECTED"
            await until(lambda: f"messages to {FORBIDDEN} are set aside" in device.log())
            assert (await invite(broker.port))["callStatus"] == "REJECTED"
            # One more than enough at most: by chance a loss came later than it counts. And one to
            # each second look.
            finding, *later = device.log().split(f"messages to {FORBIDDEN} are set aside")
            assert finding.count(LOST) <= 1 + MAX_LOSSES
            assert sum(each.count(LOST) for each in later) <= len(later) - 1
            # what else it does its own way: a will that is delayed is not retained
            assert WILL in device.log()
            async with asyncio.timeout(PATIENCE):
                # what a broker allows is known of a connection, and the last one was cut
                while not any(WILL in each["advice"] for each in await told(tmp_path)):
                    pass
        finally:
            await device.end()
