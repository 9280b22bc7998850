"""The entities of a device in Home Assistant: each by an id that stays, as Home Assistant's
discovery wants it (abbreviated keys).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agent.homeassistant import templates
from agent.homeassistant.features import DoorFeature, Features, slug

Component = dict[str, Any]

LINE_STATES = ("idle", "calling", "ringing", "connecting", "in_call", "lost")
OVERRIDES = (templates.BY_THE_RULES, "accept", "ring", "reject")
CODE_FORMAT = r"^\d{4,8}$"
# seconds: health comes each minute
EXPIRES = 180
# seconds: with one, Home Assistant remembers a state over its restart
_REMEMBERED = 31_536_000


@dataclass(frozen=True, slots=True)
class Entity:
    """`verb` is the command without which it is not there; `wanted` whether the device has what it
    shows.
    """

    id: str
    platform: str
    name: str | None
    make: Callable[[Features], Component]
    wanted: Callable[[Features], bool] = lambda _: True
    verb: str | None = None

    @property
    def label(self) -> str:
        return self.name or "Ring"

    def is_offered(self, features: Features) -> bool:
        return self.wanted(features) and (self.verb is None or self.verb in features.verbs)

    def component(self, features: Features) -> Component:
        unique = f"callbox_{slug(features.uid)}_{self.id}"
        head = {"p": self.platform, "uniq_id": unique, "name": self.name}
        return head | self.make(features)


def _event(name: str) -> Callable[[Features], str]:
    return lambda each: each.topics.event(each.uid, name)


def _ring(each: Features) -> Component:
    fields = ("timestamp", "eventId", "button", "conversation", "suppressed", "count")
    return {
        "dev_cla": "doorbell",
        "evt_typ": ["ring"],
        "stat_t": each.topics.event(each.uid, "ring"),
        "val_tpl": templates.event("ring", templates.RING_IS_FRESH, *fields),
    }


def _missed(each: Features) -> Component:
    fields = ("timestamp", "eventId", "button", "conversation", "message")
    return {
        "evt_typ": ["missed"],
        "stat_t": each.topics.event(each.uid, "missed"),
        "val_tpl": templates.event("missed", templates.MISSED_IS_NEWS, *fields),
        "ic": "mdi:bell-cancel",
    }


def _visitor(each: Features) -> Component:
    return {"img_t": each.topics.snapshot(each.uid)}


def _call(each: Features) -> Component:
    topic = each.topics.call(each.uid)
    return {
        "dev_cla": "enum",
        "ops": list(LINE_STATES),
        "stat_t": topic,
        "val_tpl": templates.STATE,
        "json_attr_t": topic,
        "ic": "mdi:phone",
    }


def _last_caller(each: Features) -> Component:
    return {
        "stat_t": each.topics.event(each.uid, "closed"),
        "val_tpl": templates.LAST_CALLER,
        "exp_aft": _REMEMBERED,
        "ic": "mdi:account-voice",
    }


def _button(verb: str, icon: str) -> Callable[[Features], Component]:
    return lambda each: {**_set_by(verb)(each), "pl_prs": "{}", "ic": icon}


def _set_by(verb: str) -> Callable[[Features], Component]:
    """The state of what an operator sets is in `settings`: the topic of all that name none."""
    return lambda each: {"cmd_t": each.topics.command(each.uid, verb)}


def _switch(verb: str, on: str, off: str, state: str, icon: str) -> Callable[[Features], Component]:
    command = _set_by(verb)
    return lambda each: {
        **command(each),
        "val_tpl": state,
        "pl_on": on,
        "pl_off": off,
        "stat_on": "True",
        "stat_off": "False",
        "ic": icon,
    }


def _calls(each: Features) -> Component:
    return {
        **_set_by("policy")(each),
        "ops": list(OVERRIDES),
        "val_tpl": templates.OVERRIDE,
        "cmd_tpl": templates.SET_OVERRIDE,
        "ent_cat": "config",
        "ic": "mdi:account-check",
    }


def _say(each: Features) -> Component:
    """Each result of a command clears the choice, so that the same can be said again."""
    return {
        "cmd_t": each.topics.command(each.uid, "say"),
        "stat_t": each.topics.event(each.uid, "command_result"),
        "val_tpl": "None",
        "cmd_tpl": templates.SAY,
        "ops": list(each.messages),
        "ic": "mdi:message-reply-text",
    }


def _volume(end: str, icon: str) -> Callable[[Features], Component]:
    return lambda each: {
        **_set_by("volume")(each),
        "val_tpl": templates.volume(end),
        "cmd_tpl": templates.set_volume(end),
        "min": 0,
        "ent_cat": "config",
        "ic": icon,
    }


def _health(**fields: Any) -> Callable[[Features], Component]:
    return lambda each: {
        "stat_t": each.topics.health(each.uid),
        "ent_cat": "diagnostic",
        **fields,
    }


def _problem(each: Features) -> Component:
    topic = each.topics.health(each.uid)
    state = {"val_tpl": templates.PROBLEM, "pl_on": "True", "pl_off": "False"}
    attributes = {"json_attr_t": topic, "json_attr_tpl": templates.FAULTS}
    return _health(dev_cla="problem")(each) | state | attributes


def _measured(kind: str, unit: str, template: str) -> Callable[[Features], Component]:
    """Not shown until somebody asks for it."""
    return _health(
        dev_cla=kind,
        unit_of_meas=unit,
        stat_cla="measurement",
        val_tpl=template,
        exp_aft=EXPIRES,
        en=False,
    )


_ENTITIES: tuple[Entity, ...] = (
    # without a name of its own: that of the device
    Entity("ring", "event", None, _ring, lambda each: each.button),
    Entity("missed", "event", "Missed", _missed, lambda each: each.button),
    Entity("visitor", "image", "Last visitor", _visitor, lambda each: each.picture),
    Entity("call", "sensor", "Call", _call),
    Entity("last_caller", "sensor", "Last caller", _last_caller),
    Entity("answer", "button", "Answer", _button("accept", "mdi:phone-in-talk"), verb="accept"),
    Entity("hang_up", "button", "Hang up", _button("close", "mdi:phone-hangup"), verb="close"),
    Entity(
        "privacy",
        "switch",
        "Privacy",
        _switch("privacy", '{"on":true}', '{"on":false}', templates.PRIVACY, "mdi:eye-off"),
        verb="privacy",
    ),
    Entity(
        "silence",
        "switch",
        "Silence",
        _switch(
            "silence",
            f'{{"seconds":{templates.SILENCE}}}',
            '{"seconds":0}',
            templates.SILENCED,
            "mdi:bell-sleep",
        ),
        verb="silence",
    ),
    Entity("calls", "select", "Calls", _calls, verb="policy"),
    Entity("say", "select", "Quick reply", _say, lambda each: bool(each.messages), verb="say"),
    Entity(
        "speaker",
        "number",
        "Speaker volume",
        _volume("speaker", "mdi:volume-high"),
        lambda each: each.speaker,
        verb="volume",
    ),
    Entity(
        "microphone",
        "number",
        "Microphone volume",
        _volume("microphone", "mdi:microphone"),
        lambda each: each.microphone,
        verb="volume",
    ),
)
_DIAGNOSTICS: tuple[Entity, ...] = (
    Entity("problem", "binary_sensor", "Problem", _problem),
    Entity(
        "undervoltage",
        "binary_sensor",
        "Under-voltage",
        _health(dev_cla="problem", val_tpl=templates.UNDERVOLTAGE, pl_on="True", pl_off="False"),
    ),
    Entity(
        "temperature",
        "sensor",
        "Temperature",
        _measured("temperature", "°C", templates.TEMPERATURE),
    ),
    Entity("wifi", "sensor", "Wi-Fi signal", _measured("signal_strength", "dBm", templates.WIFI)),
)
FIXED = (*_ENTITIES, *_DIAGNOSTICS)
"""Those with an id that does not depend on the settings."""


def door_entities(door: DoorFeature) -> Iterator[Entity]:
    """Of one door; the usual one has no name of its own in theirs."""
    own = "" if door.name == "door" else door.name.replace("_", " ").capitalize() + " "
    yield Entity(
        f"lock_{door.name}",
        "lock",
        f"{own}lock".capitalize(),
        lambda each: _lock(each, door),
        verb="open",
    )
    yield Entity(
        f"contact_{door.name}",
        "binary_sensor",
        f"{own}contact".capitalize(),
        lambda each: _contact(each, door),
        lambda _: door.contact,
    )


def _lock(each: Features, door: DoorFeature) -> Component:
    lock: Component = {
        "cmd_t": each.topics.command(each.uid, "open"),
        "cmd_tpl": templates.open_command(door.name, code=door.code),
        "pl_unlk": "open",
        "pl_lock": "close",
        "stat_t": each.topics.output(each.uid, door.name),
        "val_tpl": templates.STATE,
        "stat_locked": "off",
        "stat_unlocked": "on",
        "json_attr_t": each.topics.event(each.uid, "output"),
        "json_attr_tpl": templates.door_attributes(door.name),
        # the broker keeps none for a device that is away
        "qos": 0,
    }
    return lock | ({"code_format": CODE_FORMAT} if door.code else {})


def _contact(each: Features, door: DoorFeature) -> Component:
    return {
        "dev_cla": "door",
        "stat_t": each.topics.output(each.uid, door.name),
        "val_tpl": templates.CONTACT,
        "pl_on": "open",
        "pl_off": "closed",
    }


def every_entity(features: Features) -> Iterator[Entity]:
    """Those of this version, whether the device offers them or not; what can be done without comes
    last.
    """
    for door in features.doors[:1]:
        yield from door_entities(door)
    yield from _ENTITIES
    for door in features.doors[1:]:
        yield from door_entities(door)
    yield from _DIAGNOSTICS


def missing_verbs(features: Features) -> Mapping[str, tuple[str, ...]]:
    """Verbs that are not allowed, each with the names of the entities that are not there for it."""
    found: dict[str, tuple[str, ...]] = {}
    for entity in every_entity(features):
        verb = entity.verb
        if verb is not None and verb not in features.verbs and entity.wanted(features):
            found[verb] = (*found.get(verb, ()), entity.label)
    return found
