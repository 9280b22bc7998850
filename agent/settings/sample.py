"""The annotated samples of callbox.toml and policy.toml, written from the models.

Prose begins with `# `; a setting begins with `#`, so that taking that one character away switches
it on.
"""

from __future__ import annotations

import inspect
import json
import textwrap
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, get_args

from annotated_types import Ge, Le
from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from agent.core.policy.durations import format_duration, parse_duration, parse_retention
from agent.core.policy.rules import Rule
from agent.options import are_tables, is_live
from agent.settings.models import Settings
from agent.settings.names import section_of

_WIDTH = 100
_CONFIG_HEADER = """\
The settings of callbox, each with its default. To change one, take the # from before it.

Read in this order, later wins: /etc/callbox/callbox.toml, /etc/callbox/conf.d/*.toml, \
--config FILE, files in $CREDENTIALS_DIRECTORY (mqtt__password), the environment \
(CALLBOX_MQTT__HOST). A key that is not listed here is an error. `callbox check` reads it all and \
names every fault. What is marked "Applied by a reload" needs no restart: systemctl reload callbox.
"""
_POLICY_HEADER = """\
Who may call. The first rule that matches decides; where none does, the call is rejected \
(not_allowed). As delivered there is no rule, so nobody may call. \
To use a rule below, take the # from before its lines.

`callbox check` reads the rules and names every fault; \
`callbox policy explain --caller UID` tells which one decides, and why.
"""
_EXAMPLES: tuple[Mapping[str, Any], ...] = (
    {
        "name": "family by day",
        "callers": ["front-desk", "family-*"],
        "days": ["mon-fri"],
        "hours": "07:00-22:00",
        "timezone": "Europe/Berlin",
        "rate": "10/h",
        "signed": False,
        "action": "accept",
        "max_duration": "10m",
        "video": True,
        "audio": "both",
        "shared_bitrate": "follow",
        "ice_servers": False,
        "open": True,
    },
    {
        "name": "family at night",
        "callers": ["family-*"],
        "hours": "22:00-07:00",
        "action": "ring",
        "video": False,
    },
    {"name": "everybody else", "action": "reject", "reason": "not_allowed"},
)


def sample_config() -> str:
    """callbox.toml: every setting with its meaning and its default, all commented out."""
    return sample_of(Settings, _CONFIG_HEADER)


def sample_of(model: type[BaseModel], header: str) -> str:
    """The same for any tree of settings."""
    lines = [*_prose(header), "", *_settings(model)]
    return "\n".join(lines).rstrip() + "\n"


def sample_policy() -> str:
    """policy.toml: every key of a rule with its meaning, in examples that are commented out."""
    lines = list(_prose(_POLICY_HEADER))
    explained: set[str] = set()
    for rule in _EXAMPLES:
        lines += ["", "#[[rule]]"]
        for key, value in rule.items():
            if key not in explained:
                lines += _prose(Rule.model_fields[key].description or "")
            lines.append(f"#{key} = {to_toml(value)}")
            explained.add(key)
    return "\n".join(lines) + "\n"


def write_samples(directory: Path) -> None:
    """Write both into `directory`."""
    (directory / "callbox.toml").write_text(sample_config(), encoding="utf-8")
    (directory / "policy.toml").write_text(sample_policy(), encoding="utf-8")


def _settings(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[str]:
    sections: list[tuple[str, FieldInfo, type[BaseModel]]] = []
    for name, field in model.model_fields.items():
        section = section_of(field)
        if section is not None and (isinstance(field.annotation, type) or are_tables(field)):
            sections.append((name, field, section))
            continue
        applied = " Applied by a reload." if is_live(field) else ""
        yield from _prose(f"{field.description} {range_of(field).strip()}".rstrip() + applied)
        # a list of tables, which its description shows
        if name != "rule":
            yield f"#{name} = {to_toml(default_of(name, field))}"
        yield ""
    for name, field, section in sections:
        # a paragraph of the docstring is broken into lines anew
        paragraphs = inspect.cleandoc(section.__doc__ or "").split("\n\n")
        yield from _prose("\n".join(" ".join(each.split()) for each in paragraphs))
        title = ".".join((*path, name))
        # an entry of a list is an example: as delivered there is none
        yield f"#[[{title}]]" if are_tables(field) else f"[{title}]"
        yield ""
        yield from _settings(section, (*path, name))


def default_of(name: str, field: FieldInfo) -> Any:
    """What the samples show: a duration as people write it, an example of what has no default."""
    if field.is_required():
        return (field.examples or [""])[0]
    if name == "uid" and field.default_factory is not None:
        # an example: the default is the host's own
        return "door-1"
    if field.default is not None and _is_duration(field):
        return format_duration(field.default)
    return field.default


def _is_duration(field: FieldInfo) -> bool:
    nested = [
        item for part in get_args(field.annotation) for item in getattr(part, "__metadata__", ())
    ]
    return any(
        isinstance(item, BeforeValidator) and item.func in (parse_duration, parse_retention)
        for item in (*field.metadata, *nested)
    )


def range_of(field: FieldInfo) -> str:
    """A sentence, or empty where there is no bound."""
    least = next((_bound(item.ge, field) for item in field.metadata if isinstance(item, Ge)), None)
    most = next((_bound(item.le, field) for item in field.metadata if isinstance(item, Le)), None)
    if least is None:
        return f"At most {most}." if most else ""
    return f"From {least} to {most}."


def _bound(value: Any, field: FieldInfo) -> str:
    return format_duration(value) if _is_duration(field) else to_toml(value)


def to_toml(value: Any) -> str:
    """`value` as TOML writes it; None is an empty text."""
    if value is None:
        return '""'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:_}" if value >= 10_000 else str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return (
            "{}"
            if not value
            else f"{{ {', '.join(f'{key} = {to_toml(each)}' for key, each in value.items())} }}"
        )
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(to_toml, value))}]"
    return json.dumps(value.value if isinstance(value, Enum) else str(value))


def _prose(text: str) -> Iterator[str]:
    for paragraph in text.strip().split("\n"):
        lines = textwrap.wrap(paragraph, _WIDTH - 2, break_on_hyphens=False)
        yield from (f"# {line}" for line in lines) if lines else ("#",)
