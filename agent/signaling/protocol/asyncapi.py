"""The AsyncAPI 3.0 document of the protocol, seen from a device: what it receives and what it sends
(PROTOCOL 1).
"""

from __future__ import annotations

import inspect
from typing import Any

from pydantic import BaseModel

from agent.signaling.protocol.message_examples import EXAMPLES
from agent.signaling.protocol.messages import (
    COMMANDS,
    EVENTS,
    SIGNALS,
    About,
    CommandResult,
    CommandResultEvent,
    DeviceSettings,
    Health,
    LineState,
    OutputState,
    Status,
)
from agent.signaling.protocol.topics import DEFAULT_PREFIX, UID_PATTERN

MQTT_BINDING = "0.2.0"

Json = dict[str, Any]

_UID = {"description": f"A uid: {UID_PATTERN}"}


def document() -> Json:
    """The whole document. Payloads are referred to in `schemas/`, beside it."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "callbox signalling and telemetry",
            "version": "1.0.0",
            "description": "How a callbox device is called, watched and commanded over MQTT 5.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {"broker": _server()},
        "channels": _channels(),
        "operations": _operations(),
        "components": {"messages": _messages()},
    }


def models() -> dict[str, type[BaseModel]]:
    """Every message of the protocol, by the name of its schema."""
    return {
        **{f"signal-{name}": model for name, model in SIGNALS.items()},
        **{f"event-{name}": model for name, model in EVENTS.items()},
        **{f"command-{verb}": model for verb, model in COMMANDS.items()},
        "event-command_result": CommandResultEvent,
        "command-result": CommandResult,
        "status": Status,
        "about": About,
        "settings": DeviceSettings,
        "output": OutputState,
        "health": Health,
        "call": LineState,
    }


def _server() -> Json:
    will = {
        "topic": f"{DEFAULT_PREFIX}/{{uid}}/status",
        "qos": 1,
        "message": '{"state":"offline"}',
        "retain": True,
    }
    return {
        "host": "{host}:{port}",
        "protocol": "mqtt",
        "protocolVersion": "5",
        "variables": {"host": {"default": "127.0.0.1"}, "port": {"default": "1883"}},
        "bindings": {
            "mqtt": {
                "cleanSession": False,
                "lastWill": will,
                "keepAlive": 30,
                "sessionExpiryInterval": 3600,
                "maximumPacketSize": 69632,
                "bindingVersion": MQTT_BINDING,
            }
        },
    }


def _channels() -> Json:
    channels: Json = {
        "signal": _channel(
            "{to}/signal/{from}", [f"signal-{name}" for name in SIGNALS], "to", "from"
        )
    }
    for name in ("status", "about", "settings", "health", "call"):
        channels[name] = _channel(f"{{uid}}/{name}", [name], "uid")
    channels["snapshot"] = _channel("{uid}/snapshot", ["snapshot"], "uid")
    channels["output"] = _channel("{uid}/output/{name}", ["output"], "uid", "name")
    for name in (*EVENTS, "command_result"):
        channels[f"event-{name}"] = _channel(f"{{uid}}/events/{name}", [f"event-{name}"], "uid")
    for verb in COMMANDS:
        channels[f"command-{verb}"] = _channel(
            f"{{uid}}/command/{verb}", [f"command-{verb}"], "uid"
        )
    channels["command-reply"] = {
        "address": None,
        "description": "The response topic that a command names, below <prefix>/<uid>/reply/.",
        "messages": _references(["command-result"]),
    }
    return channels


def _channel(address: str, messages: list[str], *parameters: str) -> Json:
    return {
        "address": f"{DEFAULT_PREFIX}/{address}",
        "messages": _references(messages),
        "parameters": dict.fromkeys(parameters, _UID),
    }


def _references(names: list[str]) -> Json:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


def _operations() -> Json:
    lifetime = {
        "type": "integer",
        "minimum": 1,
        "maximum": 120,
        "description": "The invitation's lifetime, in seconds.",
    }
    others = [f"signal-{name}" for name in SIGNALS if name != "invite"]
    operations: Json = {
        "receiveInvite": _operation("receive", "signal", ["signal-invite"], expiry=lifetime),
        "receiveSignal": _operation("receive", "signal", others),
        "sendInvite": _operation("send", "signal", ["signal-invite"], expiry=lifetime),
        "sendSignal": _operation("send", "signal", others),
        "sendStatus": _operation("send", "status", ["status"], retain=True),
        "sendAbout": _operation("send", "about", ["about"], retain=True),
        "sendSettings": _operation("send", "settings", ["settings"], retain=True),
        "sendSnapshot": _operation("send", "snapshot", ["snapshot"], retain=True, expiry=_A_DAY),
        "sendCall": _operation("send", "call", ["call"], retain=True),
        "sendOutputState": _operation("send", "output", ["output"], retain=True),
        "sendHealth": _operation("send", "health", ["health"], qos=0),
    }
    for name in (*EVENTS, "command_result"):
        qos = EVENTS[name].QOS if name in EVENTS else 1
        operations[f"send{_title(name)}"] = _operation(
            "send", f"event-{name}", [f"event-{name}"], qos=qos
        )
    for verb in COMMANDS:
        operation = _operation("receive", f"command-{verb}", [f"command-{verb}"])
        operation["reply"] = {
            "address": {
                "location": "$message.header#/responseTopic",
                "description": "MQTT 5 response topic",
            },
            "channel": {"$ref": "#/channels/command-reply"},
        }
        operations[f"receive{_title(verb)}Command"] = operation
    return operations


# of a visitor's picture, in seconds
_A_DAY: Json = {"type": "integer", "minimum": 1, "maximum": 86_400}


def _operation(
    action: str,
    channel: str,
    messages: list[str],
    *,
    qos: int = 1,
    retain: bool = False,
    expiry: Json | None = None,
) -> Json:
    mqtt: Json = {"qos": qos, "retain": retain, "bindingVersion": MQTT_BINDING}
    if expiry is not None:
        mqtt["messageExpiryInterval"] = expiry
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in messages],
        "bindings": {"mqtt": mqtt},
    }


def _messages() -> Json:
    messages = {name: _message(name, model) for name, model in models().items()}
    messages["snapshot"] = {
        "name": "snapshot",
        "title": "Snapshot",
        "summary": "Retained for a day: the last visitor.",
        "contentType": "image/jpeg",
        "payload": {"type": "string", "format": "binary", "maxLength": 65_536},
    }
    for verb in COMMANDS:
        mqtt = {
            "correlationData": {"type": "string", "maxLength": 1024},
            "bindingVersion": MQTT_BINDING,
        }
        messages[f"command-{verb}"]["bindings"] = {"mqtt": mqtt}
        messages[f"command-{verb}"]["headers"] = {
            "type": "object",
            "properties": {"responseTopic": {"type": "string"}},
        }
    return messages


def _message(name: str, model: type[BaseModel]) -> Json:
    return {
        "name": name,
        "title": model.__name__,
        "summary": inspect.getdoc(model) or "",
        "payload": {"$ref": f"schemas/{name}.json"},
        "examples": [{"payload": EXAMPLES[name]}],
    }


def _title(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
