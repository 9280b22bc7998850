"""Inputs and effects as the JSON of the scenarios (`tests/data/scenarios/README.md`), and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from agent.core.call import inputs
from agent.core.call.call_table import camel_case

INPUTS = {camel_case(kind.__name__): kind for kind in get_args(inputs.Input)}


def decode(kind: Any, value: Any) -> Any:
    """`value` as what the annotation `kind` says: a dataclass, an enumeration, a tuple."""
    if get_origin(kind) in (Union, UnionType):
        kinds = [each for each in get_args(kind) if each is not NoneType]
        return None if value is None else decode(kinds[0], value)
    if get_origin(kind) is tuple:
        return tuple(decode(get_args(kind)[0], each) for each in value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        names = {camel_case(name): name for name in hints}
        return kind(**{names[key]: decode(hints[names[key]], each) for key, each in value.items()})
    return value


def decode_input(value: Mapping[str, Any]) -> inputs.Input:
    fields = {key: each for key, each in value.items() if key != "type"}
    result: inputs.Input = decode(INPUTS[value["type"]], fields)
    return result


def encode(value: Any) -> Any:
    """`value` as JSON, without the fields that have their default."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            camel_case(field.name): encode(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if field.default is dataclasses.MISSING or getattr(value, field.name) != field.default
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [encode(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return round(value, 6) if isinstance(value, float) else value


def encode_effects(effects: Iterable[Any]) -> list[dict[str, Any]]:
    return [{"type": camel_case(type(each).__name__), **encode(each)} for each in effects]
