"""What the tests of the vocabulary ask of a module of values."""

from __future__ import annotations

import dataclasses
from types import ModuleType


def classes_of(module: ModuleType) -> set[type]:
    """The classes that `module` declares itself."""
    return {
        each
        for each in vars(module).values()
        if isinstance(each, type) and each.__module__ == module.__name__
    }


def is_frozen(kind: type) -> bool:
    """Whether instances cannot be changed, and hold nothing but their fields."""
    parameters = getattr(kind, "__dataclass_params__", None)
    return dataclasses.is_dataclass(kind) and parameters is not None and parameters.frozen
