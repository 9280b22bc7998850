"""docs/settings.md, written from the models: every setting in a table, section by section."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from agent.core.policy.rules import Rule
from agent.options import are_tables, is_live
from agent.settings.models import Settings
from agent.settings.names import holds_secret, section_of
from agent.settings.sample import default_of, range_of, to_toml

FILE_NAME = "settings.md"
_HEAD = """\
# Settings

This page is generated from the models (`make generate`); do not edit it. The same settings with
comments, ready to copy, are in [config/callbox.toml](../config/callbox.toml) and
[config/policy.toml](../config/policy.toml).

Settings are read from these places. A later one wins; tables are merged key by key, and a list
replaces the list before it:

1. `/etc/callbox/callbox.toml`
2. `/etc/callbox/conf.d/*.toml`, in order of their names
3. the file given by `--config FILE`
4. files in `$CREDENTIALS_DIRECTORY`, such as `mqtt__password`
5. the environment, such as `CALLBOX_MQTT__HOST`

A credential or a variable reaches into a list of tables by an entry's name or number:
`output__door__code`, `notify__0__token`.

An unknown key is an error that names it. `callbox check` reads everything and reports every fault
with its file, key and value.

*Reload* in the column *applies* means that `systemctl reload callbox` (SIGHUP) or the command
`reload` applies a change, to the next call. *Restart* means that the device has to be restarted.
"""
_POLICY = """\
## Rules of the policy

`[[rule]]` in `policy.toml`, or `[[policy.rule]]` in the settings. Rules are tried in order, and the
first one that matches decides. If none matches, the call is rejected with `not_allowed`. A reload
applies new rules. `callbox policy explain --caller UID` shows which rule decides, and why.
"""


def settings_reference() -> str:
    """The whole page, as Markdown."""
    lines = [_HEAD, "## General", "", *_table(Settings), "", *_sections(Settings)]
    lines += [_POLICY, *_rows(Rule, "| key | default | meaning |", _rule_row)]
    return "\n".join(lines).rstrip() + "\n"


def write_reference(directory: Path) -> None:
    """Write the page into `directory`."""
    (directory / FILE_NAME).write_text(settings_reference(), encoding="utf-8")


def _sections(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[str]:
    for name, field in model.model_fields.items():
        section = section_of(field)
        # the rules have a table of their own
        if section is None or section is Rule:
            continue
        is_list = not isinstance(field.annotation, type)
        here = (*path, name)
        title = ".".join(here)
        yield f"## [[{title}]]" if is_list else f"## [{title}]"
        yield ""
        yield from (inspect.cleandoc(section.__doc__ or ""), "")
        yield from (*_table(section), "")
        yield from _sections(section, here)


def _table(model: type[BaseModel]) -> Iterator[str]:
    yield from _rows(model, "| key | default | applies | meaning |", _setting_row)


def _rows(model: type[BaseModel], head: str, row: Callable[[str, FieldInfo], str]) -> Iterator[str]:
    yield head
    yield "|---" * (head.count("|") - 1) + "|"
    for name, field in model.model_fields.items():
        section = section_of(field)
        if section is None or not (isinstance(field.annotation, type) or are_tables(field)):
            yield row(name, field)


def _setting_row(name: str, field: FieldInfo) -> str:
    applies = "reload" if is_live(field) else "restart"
    return f"| `{name}` | {_default(name, field)} | {applies} | {_meaning(field)} |"


def _rule_row(name: str, field: FieldInfo) -> str:
    return f"| `{name}` | {_default(name, field)} | {_meaning(field)} |"


def _default(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    if name == "uid" and field.default_factory is not None:
        return "*host name*"
    value = default_of(name, field)
    if value is None or value == ():
        return ""
    return f"`{to_toml(value)}`"


def _meaning(field: FieldInfo) -> str:
    text = f"{field.description or ''} {range_of(field)}".strip()
    if holds_secret(field):
        text += " *Secret.*"
    return text.replace("|", "\\|")
