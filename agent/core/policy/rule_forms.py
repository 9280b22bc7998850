"""The forms of single values of a rule. Each check returns the value or raises ValueError."""

from __future__ import annotations

import re

from agent.core.policy.schedule import parse_timezone

_REASON = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)
_CALLER_PATTERN = re.compile(r"[A-Za-z0-9_.*?-]{1,64}", re.ASCII)


def caller_pattern(pattern: str) -> str:
    if not _CALLER_PATTERN.fullmatch(pattern):
        raise ValueError(
            f"{pattern!r} matches no uid: those are letters, digits and '_.-'; '*' is any, '?' "
            f"is one"
        )
    return pattern


def somebody(patterns: tuple[str, ...]) -> tuple[str, ...]:
    if not patterns:
        raise ValueError("[] is nobody; leave callers out for anybody")
    return patterns


def rule_name(name: str) -> str:
    if not name.isprintable() or name != name.strip() or not 1 <= len(name) <= 64:
        raise ValueError(f"{name!r} is not a name of 1 to 64 characters on one line")
    return name


def reason_code(code: str) -> str:
    if not _REASON.fullmatch(code):
        raise ValueError(f"{code!r} is not a code of 1 to 64 of a-z, 0-9 and '_'")
    return code


def zone_name(name: str) -> str:
    return parse_timezone(name).key
