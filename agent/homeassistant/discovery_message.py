"""The one retained message that announces a device with all its entities, for Home Assistant
2024.12 and newer.

A key that Home Assistant does not know, at the root or in `dev`, makes it refuse the whole message,
so there is none that only newer versions know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.homeassistant.entities import FIXED, Component, every_entity
from agent.homeassistant.features import Features, config_topic, slug

# bytes
MAX_SIZE = 8192


@dataclass(frozen=True, slots=True)
class DiscoveryMessage:
    """What is said on `topic`: `head` is the device, `components` its entities by id. `left_out`
    are names of what there was no room for.
    """

    topic: str
    head: Mapping[str, Any]
    components: Mapping[str, Component]
    left_out: tuple[str, ...] = ()

    def payload(self, removed: Mapping[str, Component] | None = None) -> bytes:
        """With the form that removes each of `removed`, and each that this version could offer and
        does not: what is merely left out stays in Home Assistant.
        """
        platforms = {entity.id: entity.platform for entity in FIXED}
        platforms |= {name: each["p"] for name, each in (removed or {}).items()}
        gone = {
            name: {"p": platform}
            for name, platform in platforms.items()
            if name not in self.components
        }
        return _encode({**self.head, "cmps": {**self.components, **gone}})

    def payload_with(self, more: Mapping[str, Component]) -> bytes:
        """With entities that are to be known for a moment, so that they can be removed."""
        return _encode({**self.head, "cmps": {**more, **self.components}})


def discovery_message(features: Features, prefix: str) -> DiscoveryMessage:
    """The message of a device below the discovery prefix, within MAX_SIZE: where there is no room
    the last messages that it can say are left out first, then diagnostics, then the last doors.
    """
    topic, head = config_topic(prefix, features.uid), _head(features)
    offered = [each for each in every_entity(features) if each.is_offered(features)]
    components = {each.id: each.component(features) for each in offered}
    names = {each.id: each.label for each in offered}
    left_out: list[str] = []
    while True:
        message = DiscoveryMessage(topic, head, components, tuple(reversed(left_out)))
        if len(message.payload()) <= MAX_SIZE:
            return message
        options = components.get("say", {}).get("ops", ())
        if len(options) > 1:
            left_out.append(options[-1])
            components["say"] = {**components["say"], "ops": options[:-1]}
            continue
        last = list(components)[-1]
        left_out.append(names[last])
        del components[last]


def _head(features: Features) -> dict[str, Any]:
    uid = features.uid
    device = {
        "ids": [f"callbox_{slug(uid)}"],
        "name": features.name or uid,
        "mf": "callbox",
        "mdl": features.model,
        "sw": features.version,
        "sn": uid,
        "cu": features.page,
    }
    return {
        "dev": {key: value for key, value in device.items() if value},
        "o": {"name": "callbox", "sw": features.version},
        "avty": [{"t": features.topics.status(uid), "val_tpl": "{{ value_json.state }}"}],
        # of every entity that names none
        "stat_t": features.topics.settings(uid),
        "qos": 1,
    }


def _encode(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
