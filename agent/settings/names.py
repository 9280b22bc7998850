"""The names in the tree of settings: which there are, what is nearest to a wrong one, and which
hold secrets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from agent.settings.models import Settings

Location = tuple[str | int, ...]


def names_setting(path: Sequence[str], root: type[BaseModel] = Settings) -> bool:
    """Whether a path of keys leads to a setting or a section. Entries of a list have no names."""
    model: type[BaseModel] | None = root
    for key in path:
        field = model.model_fields.get(key) if model else None
        if field is None:
            return False
        model = section_of(field) if isinstance(field.annotation, type) else None
    return True


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a section, or of the entries of a list of sections; None for a plain value."""
    return next((part for part in _parts(field.annotation) if issubclass(part, BaseModel)), None)


def holds_secret(field: FieldInfo) -> bool:
    return SecretStr in _parts(field.annotation)


def field_at(path: Location, root: type[BaseModel] = Settings) -> FieldInfo | None:
    """The field that a path of keys and list indices leads to, or the list whose entry it is."""
    field: FieldInfo | None = None
    model: type[BaseModel] | None = root
    for key in path:
        if isinstance(key, str):
            field = model.model_fields.get(key) if model else None
            model = section_of(field) if field else None
    return field


def nearest(path: Location, root: type[BaseModel] = Settings) -> Location | None:
    """The setting that was probably meant by an unknown `path`: alike in the same section, or so
    called in another.
    """
    *parents, wrong = path
    parent = field_at(tuple(parents), root)
    model = section_of(parent) if parent else root
    if model and (alike := get_close_matches(str(wrong), model.model_fields, n=1)):
        return (*parents, alike[0])
    return next((other for other in _plain_paths(root) if other[-1] == wrong), None)


def _plain_paths(model: type[BaseModel], above: Location = ()) -> Iterator[Location]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and (section := section_of(field)):
            yield from _plain_paths(section, (*above, name))
        else:
            yield (*above, name)


def _parts(annotation: Any) -> Iterator[type]:
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    for part in get_args(annotation):
        yield from _parts(part)
