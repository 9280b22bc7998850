"""The blueprint for the phone, in a real Home Assistant: what is sent, and what its buttons do."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
import pytest_asyncio

from agent.signaling.broker import MessageStream
from tests.conftest import Mosquitto
from tests.e2e.device import Watcher, watching
from tests.homeassistant.component import COMPONENT
from tests.homeassistant.conftest import Start
from tests.homeassistant.home import HomeAssistant
from tests.homeassistant.installation import Installation
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.homeassistant, pytest.mark.broker]

BLUEPRINT = COMPONENT / "blueprints" / "automation" / "answer_on_phone.yaml"
# what the device's own discovery message makes, as far as the blueprint uses it
ENTITIES: dict[str, dict[str, Any]] = {
    "ring": {
        "p": "event",
        "device_class": "doorbell",
        "event_types": ["ring"],
        "state_topic": "t/ring",
    },
    "picture": {"p": "image", "image_topic": "t/picture"},
    "door": {
        "p": "lock",
        "command_topic": "t/open",
        "state_topic": "t/door",
        "payload_unlock": "open",
        "code_format": "^\\d{4}$",
        "command_template": '{"action": "{{ value }}", "code": "{{ code }}"}',
    },
    "say": {"p": "select", "command_topic": "t/say", "options": ["just-a-moment", "no"]},
}
YAML = """
notify: []
automation:
  - id: phone
    alias: Phone
    use_blueprint:
      path: callbox/answer_on_phone.yaml
      input:
        doorbell: event.front_ring
        camera: camera.front
        notify: notify.persistent_notification
        picture: image.front_picture
        lock: lock.front_door
        code: "4711"
        quick_reply: select.front_say
"""


@pytest.fixture(scope="module")
def home(installation: Installation, home_broker: Mosquitto, start_home: Start) -> HomeAssistant:
    made = start_home(installation, mqtt_port=home_broker.port, yaml="notify: []\nautomation: []\n")
    target = made.folder / "blueprints" / "automation" / "callbox"
    target.mkdir(parents=True)
    shutil.copy(BLUEPRINT, target)
    configuration = made.folder / "configuration.yaml"
    plain = configuration.read_text().replace("notify: []\nautomation: []\n", "")
    configuration.write_text(plain + YAML)
    return made


@pytest_asyncio.fixture
async def watcher(home: HomeAssistant, home_broker: Mosquitto) -> AsyncIterator[Watcher]:
    async with watching(home_broker) as watcher:
        components = {
            key: {"name": key, "unique_id": key, **each} for key, each in ENTITIES.items()
        }
        message = {
            "dev": {"ids": ["front"], "name": "Front"},
            "o": {"name": "t"},
            "cmps": components,
        }
        topic = "homeassistant/device/front/config"
        await watcher.broker.publish(topic, json.dumps(message).encode(), retain=True)
        await watcher.broker.publish("t/door", b"LOCKED", retain=True)
        yield watcher


async def notification(notes: asyncio.Queue[Any]) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE):
        while True:
            event = await notes.get()
            if event["data"]["service_data"].get("message"):
                return dict(event["data"]["service_data"])


async def tap(home: HomeAssistant, action: str, heard: MessageStream, topic: str) -> bytes:
    """A button of the notification, pressed until something comes of it: nobody is as quick as a
    test, which may press before Home Assistant waits for it. What came of it on `topic`.
    """
    for _ in range(20):
        pressed = {"action": action}
        await asyncio.to_thread(home.post, "/api/events/mobile_app_notification_action", pressed)
        with suppress(TimeoutError):
            async with asyncio.timeout(3):
                while True:
                    incoming = await heard.receive()
                    incoming.ack()
                    if incoming.topic == topic:
                        return incoming.payload
    raise AssertionError(f"nothing came on {topic}")


async def test_phone_shows_the_visitor_opens_and_says(
    home: HomeAssistant, home_broker: Mosquitto, watcher: Watcher
) -> None:
    broker = watcher.broker
    heard = broker.subscribe("t/#")
    async with home.link() as link:
        # what is retained has come, so Home Assistant listens
        await link.state("lock.front_door", "locked")
        await link.state("event.front_ring")
        await link.call("automation", "reload")
        await link.state("automation.phone", "on")
        _, calls = await link.subscribe("subscribe_events", event_type="call_service")
        await broker.publish("t/ring", b'{"event_type": "ring"}')
        told = await notification(calls)
        assert told["title"] == "Somebody is at the door"
        assert told["data"]["image"] == "/api/camera_proxy/camera.front"
        see, open_, say = told["data"]["actions"]
        assert see == {"action": "URI", "title": "See and talk", "uri": "/lovelace/0"}
        assert open_["authenticationRequired"] is True
        for action in (say, open_, say):
            topic = "t/say" if action is say else "t/open"
            payload = await tap(home, action["action"], heard, topic)
            if action is say:
                assert payload == b"just-a-moment"
            else:
                assert json.loads(payload) == {"action": "open", "code": "4711"}
    log = [each for each in home.complaints() if "automation" in each or "emplate" in each]
    assert log == []
