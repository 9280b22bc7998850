"""Bodies of messages as text for a database."""

from __future__ import annotations

import json
from typing import Any


def as_json(body: dict[str, Any]) -> str:
    """Compact JSON. PostgreSQL's jsonb has no NUL: it becomes the replacement character."""
    text = json.dumps(body, separators=(",", ":"))
    return json.dumps(_without_nul(body), separators=(",", ":")) if "\\u0000" in text else text


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "�")
    if isinstance(value, list):
        return [_without_nul(each) for each in value]
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(each) for name, each in value.items()}
    return value
