"""The forms of single values that no other room owns. Each check returns the value or raises
ValueError that quotes it.
"""

from __future__ import annotations

from agent.signaling.protocol.topics import Topics, is_uid


def check_uid(uid: str) -> str:
    """PROTOCOL's form of a uid."""
    if not is_uid(uid):
        raise ValueError(
            f"{uid!r} is not a uid: 1 to 64 letters, digits, '_', '.', '-', the first a letter "
            f"or digit"
        )
    return uid


def check_topic_prefix(prefix: str) -> str:
    """Levels of a topic, without wildcards, empty levels or the broker's own `$`."""
    return Topics(prefix).prefix
