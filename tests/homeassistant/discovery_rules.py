"""What Home Assistant accepts in a message of device discovery, 2024.12 and newer, as its schemas
have it.

A key that is not listed at the root, in `dev` or in `o` makes it refuse the whole message; one of a
component is dropped in silence, which is a fault here, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

TOPIC = re.compile(r"homeassistant/device/[a-zA-Z0-9_-]+/config")
ROOT = {"dev", "o", "cmps", "avty", "qos", "stat_t", "cmd_t", "e"}
DEVICE = {"ids", "cns", "name", "mf", "mdl", "mdl_id", "hw", "sw", "sn", "sa", "via_device", "cu"}
ORIGIN = {"name", "sw", "url"}
# of each entity
COMMON = {"p", "uniq_id", "name", "ic", "en", "ent_cat", "json_attr_t", "json_attr_tpl", "qos"}
# by platform: required, and allowed beside it
PLATFORMS: dict[str, tuple[set[str], set[str]]] = {
    "event": ({"stat_t", "evt_typ"}, {"dev_cla", "val_tpl"}),
    "image": ({"img_t"}, {"cont_type", "img_e"}),
    "sensor": (
        {"stat_t"},
        {"val_tpl", "dev_cla", "ops", "unit_of_meas", "stat_cla", "exp_aft", "sug_dsp_prc"},
    ),
    "binary_sensor": ({"stat_t"}, {"val_tpl", "dev_cla", "pl_on", "pl_off", "exp_aft"}),
    "button": ({"cmd_t"}, {"pl_prs", "cmd_tpl", "dev_cla"}),
    "switch": (
        {"cmd_t"},
        {"stat_t", "val_tpl", "pl_on", "pl_off", "stat_on", "stat_off", "dev_cla"},
    ),
    "select": ({"cmd_t", "ops"}, {"stat_t", "val_tpl", "cmd_tpl"}),
    "number": (
        {"cmd_t"},
        {"stat_t", "val_tpl", "cmd_tpl", "min", "max", "step", "mode", "unit_of_meas", "dev_cla"},
    ),
    "lock": (
        {"cmd_t"},
        {
            *("stat_t", "val_tpl", "cmd_tpl", "code_format", "pl_lock", "pl_unlk"),
            *("pl_open", "stat_locked", "stat_unlocked", "stat_jam"),
        },
    ),
}
ENTITY_CATEGORIES = {"config", "diagnostic"}
MAX_STATE = 255


def faults(topic: str, message: Mapping[str, Any]) -> list[str]:
    """Why Home Assistant would not take it, or not all of it."""
    return [*_head_faults(topic, message), *_component_faults(message)]


def _head_faults(topic: str, message: Mapping[str, Any]) -> Iterator[str]:
    if not TOPIC.fullmatch(topic):
        yield f"illegal topic {topic}"
    for where, keys, allowed in (
        ("the root", message, ROOT),
        ("dev", message["dev"], DEVICE),
        ("o", message["o"], ORIGIN),
    ):
        yield from (f"{key} at {where}" for key in keys if key not in allowed)
    if not message["dev"].get("ids") or not message["o"].get("name"):
        yield "no ids, or no name of the origin"
    page = message["dev"].get("cu", "https://host/")
    if not re.fullmatch(r"https?://[^/]+/.*", page):
        yield f"{page} is no URL"


def _component_faults(message: Mapping[str, Any]) -> Iterator[str]:
    seen: set[str] = set()
    shared = message.keys() & {"stat_t", "cmd_t"}
    for name, component in message["cmps"].items():
        if not re.fullmatch(r"[a-zA-Z0-9_-]+", name):
            yield f"{name} is no id"
        required, allowed = PLATFORMS[component["p"]]
        if component.keys() == {"p"}:
            continue
        yield from (
            f"{name}: no {key}" for key in {"uniq_id", *required} - component.keys() - shared
        )
        yield from (f"{name}: {key}" for key in component.keys() - COMMON - required - allowed)
        if component["uniq_id"] in seen:
            yield f"{component['uniq_id']} twice"
        seen.add(component["uniq_id"])
        yield from (f"{name}: {each}" for each in _value_faults(component))


def _value_faults(component: Mapping[str, Any]) -> Iterator[str]:
    if component.get("ent_cat", "config") not in ENTITY_CATEGORIES:
        yield "ent_cat"
    if component.get("dev_cla") == "doorbell" and "ring" not in component["evt_typ"]:
        yield "a doorbell without ring"
    if "ops" in component and component["p"] == "sensor" and component.get("dev_cla") != "enum":
        yield "options of what is no enum"
    if component.get("ent_cat") == "config" and component["p"] in ("sensor", "binary_sensor"):
        yield "a sensor that is a setting"
    if any(len(each) > MAX_STATE for each in component.get("ops", ())):
        yield "an option that is too long for a state"
    for key, value in component.items():
        if key.endswith("_t") and re.search(r"[#+\0]", value):
            yield f"{key} is no topic"
