"""Values to try for each setting, from the models themselves: what is documented, what is at a
bound and just beyond it, and what cannot be right.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from agent.options import are_tables
from agent.settings.models import Settings
from agent.settings.names import section_of
from agent.settings.sample import default_of

# of no setting, or of those of that type alone
ODD: tuple[Any, ...] = (-1, 0.5, 10**30, float("nan"), "", "no such thing", "\u202e", True, [], {})
# what a description means by these
PLACEHOLDERS = {
    "PATH": "/none/such",
    "NAME": "null",
    "HOST": "192.0.2.1",
    "LOW-HIGH": "50000-50100",
}
_QUOTED = re.compile(r'"[^"]*"|\[[^\[\]]*\]|\{[^{}]*=[^{}]*\}')
# `auto (the first camera ...)`, `file:PATH (a file ...)`, `none,`
_WORD = re.compile(r"[a-z][\w:/.=-]*", re.IGNORECASE)


@dataclass(frozen=True)
class Trial:
    """One value of one setting. An entry of a list of tables stands in `path` as the list's name.
    `word`: taken from prose, so of use only for a setting that does not take any text.
    """

    path: tuple[str, ...]
    value: Any
    word: bool = False

    def __str__(self) -> str:
        return f"{'.'.join(self.path)} = {self.value!r}"


def trials(folder: Path, model: type[BaseModel] = Settings) -> Iterator[Trial]:
    """Every setting of the tree with each of its values, words last. `folder` has the files `text`,
    `cert.pem` and `key.pem`.
    """
    for path, field in settings_of(model):
        tried: list[Any] = []
        certain = [*values_of(path[-1], field), *files_of(field, folder)]
        words = [*words_of(field.description or "", field.annotation)]
        for number, value in enumerate((*certain, *words)):
            # True is 1
            if not any(value == each and type(value) is type(each) for each in tried):
                tried.append(value)
                yield Trial(path, value, word=number >= len(certain))


def settings_of(
    model: type[BaseModel], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """Path and field of each, sections and lists of them included."""
    for name, field in model.model_fields.items():
        section = section_of(field)
        if section is not None:
            yield from settings_of(section, (*above, name))
        yield (*above, name), field


def values_of(name: str, field: FieldInfo) -> Iterator[Any]:
    """What TOML can write of them."""
    if section_of(field) is None:
        if not field.is_required():
            yield plain(default_of(name, field))
        yield from (plain(each) for each in field.examples or ())
        yield from choices(field.annotation)
        yield from at_bounds(field)
        yield from written(field.description or "")
    yield from ODD


def plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    if isinstance(value, Enum):
        return value.value
    if value is None:
        return ""
    return value if isinstance(value, bool | int | float | str | dict) else str(value)


def choices(annotation: Any) -> Iterator[Any]:
    """Of a Literal, an Enum or a boolean, wherever in the type; a list where it is one of one."""
    if annotation is bool:
        yield from (True, False)
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        yield from (each.value for each in annotation)
    elif get_origin(annotation) is Literal:
        yield from get_args(annotation)
    else:
        inner = [value for part in get_args(annotation) for value in choices(part)]
        yield from ([each] for each in inner) if get_origin(annotation) is tuple else inner


def at_bounds(field: FieldInfo) -> Iterator[Any]:
    for item in constraints(field):
        bound: Any = item.ge if isinstance(item, Ge) else item.le if isinstance(item, Le) else None
        if bound is not None:
            yield from (bound, bound - 1, bound + 1)


def constraints(part: Any) -> Iterator[Any]:
    """The metadata of a field and of whatever its type is made of."""
    for item in (*getattr(part, "metadata", ()), *getattr(part, "__metadata__", ())):
        yield item
        yield from constraints(item) if isinstance(item, FieldInfo) else ()
    for each in get_args(part.annotation if isinstance(part, FieldInfo) else part):
        yield from constraints(each)


def written(description: str) -> Iterator[Any]:
    """What the description writes as TOML."""
    for found in _QUOTED.findall(description):
        try:
            yield tomllib.loads(f"value = {found}")["value"]
        except tomllib.TOMLDecodeError:
            continue


def words_of(description: str, annotation: Any) -> Iterator[Any]:
    """Each word of the description that may be a value of a text: `auto`, `file:PATH`."""
    if str in parts(annotation):
        for word in _WORD.findall(description):
            for placeholder, stands_for in PLACEHOLDERS.items():
                word = word.replace(placeholder, stands_for)
            text = word.rstrip(".:")
            yield [text] if get_origin(annotation) is tuple else text


def parts(annotation: Any) -> set[Any]:
    """All types that it is made of."""
    return {annotation}.union(
        *(parts(each) for each in get_args(annotation) if isinstance(each, Hashable))
    )


def files_of(field: FieldInfo, folder: Path) -> Iterator[str]:
    """For a path: what is not there, a directory, a text, and a certificate in place of a key."""
    if Path in parts(field.annotation):
        names = ("none", ".", "text", "cert.pem", "key.pem")
        yield from (str(folder / name) for name in names)


def is_list_of_tables(path: tuple[str, ...], model: type[BaseModel] = Settings) -> bool:
    """Whether what stands at `path` is written as `[[path]]`."""
    found: type[BaseModel] | None = model
    field: FieldInfo | None = None
    for name in path:
        field = found.model_fields[name] if found else None
        found = section_of(field) if field else None
    return field is not None and (
        are_tables(field) or (found is not None and not isinstance(field.annotation, type))
    )
