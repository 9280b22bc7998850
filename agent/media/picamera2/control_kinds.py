"""What libcamera takes for each control. Its binding does not only refuse a value of another kind:
it breaks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import repeat
from typing import Any, NamedTuple

_WHOLE = {
    "Byte": (0, (1 << 8) - 1),
    "Unsigned16": (0, (1 << 16) - 1),
    "Unsigned32": (0, (1 << 32) - 1),
    "Integer32": (-1 << 31, (1 << 31) - 1),
    "Integer64": (-1 << 63, (1 << 63) - 1),
}
"""Whole numbers, from and to."""
_PARTS = {
    "Rectangle": ("Integer32", "Integer32", "Unsigned32", "Unsigned32"),
    "Size": ("Unsigned32", "Unsigned32"),
    "Point": ("Integer32", "Integer32"),
}
_LONGEST_LIST = 1000
"""A list of any length is said to have more than any has."""


class Kind(NamedTuple):
    """`type` is a name of libcamera's `ControlType`. `length`: of a list, 0 for any, None for a
    single value.
    """

    type: str
    length: int | None = None

    def misfit(self, value: Any) -> str | None:
        """What is wrong with `value`, in words; None where it fits."""
        if self.type in _PARTS:
            return _misfit_of_list(value, _PARTS[self.type])
        if self.length is None:
            fault = _fault(value, self.type)
            return None if fault is None else f"{_written(value)} {fault}"
        return _misfit_of_list(value, (self.type,) * self.length or repeat(self.type))


def control_kinds(identities: Iterable[Any]) -> dict[str, Kind]:
    """By name, from libcamera's `ControlId`s. Empty where its version does not tell which of them
    are lists.
    """
    return {each.name: _kind(each) for each in identities if hasattr(each, "isArray")}


def _kind(identity: Any) -> Kind:
    if not identity.isArray:
        return Kind(identity.type.name)
    return Kind(identity.type.name, identity.size if identity.size <= _LONGEST_LIST else 0)


def _misfit_of_list(value: Any, kinds: tuple[str, ...] | repeat[str]) -> str | None:
    """`kinds` of its members: so many, or any number of one kind."""
    length = len(kinds) if isinstance(kinds, tuple) else 0
    number = f"{length} values" if length else "values"
    if not isinstance(value, list | tuple) or (length and len(value) != length):
        return f"{_written(value)} is not a list of {number}"
    faults = ((each, _fault(each, kind)) for each, kind in zip(value, kinds, strict=False))
    return next(
        (f"{_written(each)} in it {fault}" for each, fault in faults if fault is not None), None
    )


def _fault(value: Any, kind: str) -> str | None:
    if not _fits(value, kind):
        return f"is not {_name(kind)}"
    if kind not in _WHOLE or _WHOLE[kind][0] <= value <= _WHOLE[kind][1]:
        return None
    return f"is not between {_WHOLE[kind][0]} and {_WHOLE[kind][1]}"


def _fits(value: Any, kind: str) -> bool:
    if kind == "Bool":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind in _WHOLE:
        return isinstance(value, int)
    if kind == "Float":
        return isinstance(value, int | float) and math.isfinite(value)
    return kind != "String" or isinstance(value, str)


def _name(kind: str) -> str:
    if kind in _WHOLE:
        return "a whole number"
    return {"Bool": "true or false", "Float": "a number", "String": "a text"}.get(kind, kind)


def _written(value: Any) -> str:
    return (
        str(value).lower()
        if isinstance(value, bool)
        else str(list(value) if isinstance(value, tuple) else value)
    )
