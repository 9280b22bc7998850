"""The modules of the integration that know nothing of Home Assistant, as Python's own."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

COMPONENT = Path(__file__).parents[2] / "config/homeassistant/custom_components/callbox"
_PACKAGE = "callbox_in_homeassistant"


def load(name: str) -> Any:
    """The module `name`, without the package's own, which imports Home Assistant."""
    if _PACKAGE not in sys.modules:
        package = ModuleType(_PACKAGE)
        package.__path__ = [str(COMPONENT)]
        sys.modules[_PACKAGE] = package
    return importlib.import_module(f"{_PACKAGE}.{name}")
