"""The forms of single values that no other room owns. Each check returns the value or raises
ValueError that quotes it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from agent.signaling.protocol.topics import Topics, is_uid
from agent.signaling.protocol.verbs import VERBS


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


def check_verb(verb: str) -> str:
    """A command of PROTOCOL 6."""
    if verb not in VERBS:
        raise ValueError(f"{verb!r} is not one of {', '.join(VERBS)}")
    return verb


TopicPrefix = Annotated[str, AfterValidator(check_topic_prefix)]
"""Where topics begin."""
