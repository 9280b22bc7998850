"""What libcamera takes for each control. Its binding does not only refuse a value of another kind: it breaks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

_WHOLE = ("Byte", "Unsigned16", "Unsigned32", "Integer32", "Integer64")
_PARTS = {"Rectangle": 4, "Size": 2, "Point": 2}
_LONGEST_LIST = 1000
"""A list of any length is said to have more than any has."""


class Kind(NamedTuple):
    """`type` is a name of libcamera's `ControlType`. `length`: of a list, 0 for any, None for a single value."""

    type: str
    length: int | None = None

    def misfit(self, value: Any) -> str | None:
        """What is wrong with `value`, in words; None where it fits."""
        if self.type in _PARTS:
            return _misfit_of_list(value, "Integer32", _PARTS[self.type])
        if self.length is None:
            return None if _fits(value, self.type) else f"{_written(value)} is not {_name(self.type)}"
        return _misfit_of_list(value, self.type, self.length)


def control_kinds(identities: Iterable[Any]) -> dict[str, Kind]:
    """By name, from libcamera's `ControlId`s. Empty where its version does not tell which of them are lists."""
    return {each.name: _kind(each) for each in identities if hasattr(each, "isArray")}


def _kind(identity: Any) -> Kind:
    if not identity.isArray:
        return Kind(identity.type.name)
    return Kind(identity.type.name, identity.size if identity.size <= _LONGEST_LIST else 0)


def _misfit_of_list(value: Any, kind: str, length: int) -> str | None:
    number = f"{length} values" if length else "values"
    if not isinstance(value, list | tuple) or (length and len(value) != length):
        return f"{_written(value)} is not a list of {number}"
    wrong = next((each for each in value if not _fits(each, kind)), None)
    return None if wrong is None else f"{_written(wrong)} in it is not {_name(kind)}"


def _fits(value: Any, kind: str) -> bool:
    if kind == "Bool":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind in _WHOLE:
        return isinstance(value, int)
    if kind == "Float":
        return isinstance(value, int | float)
    return kind != "String" or isinstance(value, str)


def _name(kind: str) -> str:
    if kind in _WHOLE:
        return "a whole number"
    return {"Bool": "true or false", "Float": "a number", "String": "a text"}.get(kind, kind)


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(list(value) if isinstance(value, tuple) else value)
