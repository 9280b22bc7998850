"""Home Assistant's template engine, as far as our templates need it: Jinja, with its own functions.

An undefined value that is read raises here; Home Assistant would write a warning to its log.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment


def entity(state: str = "unknown", **attributes: Any) -> SimpleNamespace:
    """What stands for `this`."""
    return SimpleNamespace(state=state, attributes=attributes)


def render(
    template: str,
    message: Mapping[str, Any] | None = None,
    *,
    this: SimpleNamespace | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    **variables: Any,
) -> str:
    """A value template on `message`, or a command template on variables."""
    environment = SandboxedEnvironment(undefined=StrictUndefined)
    environment.filters["to_json"] = json.dumps
    environment.globals |= {
        "now": now,
        "utcnow": now,
        "as_datetime": datetime.fromisoformat,
    }
    if message is not None:
        variables["value_json"] = message
    return environment.from_string(template).render(this=this or entity(), **variables).strip()
