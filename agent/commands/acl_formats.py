"""Access rules in the words of each broker.

mosquitto's and RabbitMQ's are tested on the real ones; the others follow their documentation.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from xml.sax.saxutils import escape

from agent.commands.acl import USER, Around, BrokerKind, Role, roles
from agent.errors import ConfigurationError


def rules(kind: BrokerKind, around: Around) -> str:
    """A complete file of rules, with what to do with it at its head.

    Raises ConfigurationError for a user name that would not stay one word of it.
    """
    names = (around.username, around.household, around.home_assistant, around.collector)
    for name in names:
        if not _NAME.fullmatch(name):
            raise ConfigurationError([f"{name!r} cannot stand in a broker's rules as a user name"])
    lines = _FORMATS[kind](roles(around))
    return "\n".join(lines) + "\n"


def _mosquitto(all_roles: tuple[Role, ...]) -> Iterator[str]:
    yield "# mosquitto.conf: acl_file /etc/mosquitto/callbox.acl, allow_anonymous false, and a"
    yield "# password_file or certificates. Each user's name is the uid it calls as."
    for role in sorted(all_roles, key=lambda role: role.user is None):
        yield ""
        yield f"# {role.title}"
        if role.user is not None:
            yield f"user {role.user}"
        word = "pattern" if role.user is None else "topic"
        for access, topics in (("write", role.write), ("read", role.read)):
            yield from (f"{word} {access} {topic.replace(USER, '%u')}" for topic in topics)


def _emqx(all_roles: tuple[Role, ...]) -> Iterator[str]:
    yield "%% EMQX 5, etc/acl.conf (Access Control, Authorization, File). Put nothing that allows"
    yield "%% more in front of it, and keep authorization.no_match = deny."
    for role in all_roles:
        who = "all" if role.user is None else f'{{user, "{role.user}"}}'
        yield f"%% {role.title}"
        for action, topics in (("publish", role.write), ("subscribe", role.read)):
            if topics:
                listed = ", ".join(f'"{each.replace(USER, "${username}")}"' for each in topics)
                yield f"{{allow, {who}, {action}, [{listed}]}}."
    yield "{deny, all}."


def _nanomq(all_roles: tuple[Role, ...]) -> Iterator[str]:
    yield "# NanoMQ, nanomq_acl.conf; in nanomq.conf:"
    yield "# auth { allow_anonymous = false"
    yield "#        no_match = deny"
    yield '#        acl = {include "/etc/nanomq_acl.conf"} }'
    yield "rules = ["
    for role in all_roles:
        yield f"  # {role.title}"
        for action, topics in (("publish", role.write), ("subscribe", role.read)):
            if topics:
                rule = {
                    "permit": "allow",
                    "username": role.user or "#",
                    "action": action,
                    "topics": [each.replace(USER, "${username}") for each in topics],
                }
                yield f"  {json.dumps(rule)}"
    yield '  {"permit": "deny"}'
    yield "]"


def _hivemq(all_roles: tuple[Role, ...]) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    yield "<!-- HiveMQ, File RBAC extension, credentials.xml. Each caller is a further <user> with"
    yield "     the role `caller`, named as the uid it calls as. Replace every CHANGE-ME. -->"
    yield "<file-rbac>"
    yield "  <users>"
    named = [role for role in all_roles if role.user is not None]
    for role in named:
        name = escape(role.user or "")
        yield f"    <user><name>{name}</name><password>CHANGE-ME</password>"
        yield f"      <roles><id>{name}</id><id>caller</id></roles></user>"
    yield "  </users>"
    yield "  <roles>"
    for role in all_roles:
        yield f"    <!-- {escape(role.title)} -->"
        yield f"    <role><id>{escape(role.user or 'caller')}</id><permissions>"
        for activity, topics in (("PUBLISH", role.write), ("SUBSCRIBE", role.read)):
            for topic in topics:
                text = escape(topic.replace(USER, "${{username}}"))
                yield (
                    f"      <permission><topic>{text}</topic>"
                    f"<activity>{activity}</activity></permission>"
                )
        yield "    </permissions></role>"
    yield "  </roles>"
    yield "</file-rbac>"


def _rabbitmq(all_roles: tuple[Role, ...]) -> Iterator[str]:
    yield "#!/bin/sh"
    yield "# RabbitMQ 3.13 and newer (MQTT 5), as root where rabbitmqctl is. Add the users first"
    yield "# (rabbitmqctl add_user NAME), and delete guest. Callers are arguments; the name of each"
    yield "# is the uid it calls as: sh callbox-acl.sh front-desk alice"
    yield "set -eu"
    everybody = next(role for role in all_roles if role.user is None)
    yield from _RABBITMQ_FUNCTION
    for role in all_roles:
        if role.user is not None:
            yield f"# {role.title}"
            # RabbitMQ has one permission for each user, so that of everybody is part of it
            write = _regex((*everybody.write, *role.write))
            read = _regex((*everybody.read, *role.read))
            yield f"allow {shlex.quote(role.user)} {shlex.quote(write)} {shlex.quote(read)}"
    yield f"# {everybody.title}"
    write, read = _regex(everybody.write), _regex(everybody.read)
    yield 'for caller in "$@"; do'
    yield f'\tallow "$caller" {shlex.quote(write)} {shlex.quote(read)}'
    yield "done"


_RABBITMQ_FUNCTION = (
    "vhost=${VHOST:-/}",
    "allow() { # NAME WRITE READ",
    '\trabbitmqctl -q set_permissions -p "$vhost" "$1" \'^mqtt-subscription-.*\' \\',
    "\t\t'^(amq\\.topic|mqtt-subscription-.*)$' '^(amq\\.topic|mqtt-subscription-.*)$'",
    '\trabbitmqctl -q set_topic_permissions -p "$vhost" "$1" amq.topic "$2" "$3"',
    "}",
)


def _regex(topics: tuple[str, ...]) -> str:
    """Of routing keys: `/` is a dot there, and a filter's `+` a star."""
    return "^(" + "|".join(_routing_key(topic) for topic in topics) + ")$"


def _routing_key(topic: str) -> str:
    levels = []
    for level in topic.split("/"):
        match level:
            case "+":
                levels.append("[^.#]+")
            case "#":
                levels.append(".+")
            case _:
                text = re.escape(level).replace(r"\{user\}", "{username}")
                levels.append(text.replace(r"\-", "-"))
    return r"\.".join(levels)


_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,64}", re.ASCII)

_FORMATS: dict[BrokerKind, Callable[[tuple[Role, ...]], Iterator[str]]] = {
    BrokerKind.MOSQUITTO: _mosquitto,
    BrokerKind.EMQX: _emqx,
    BrokerKind.HIVEMQ: _hivemq,
    BrokerKind.RABBITMQ: _rabbitmq,
    BrokerKind.NANOMQ: _nanomq,
}
