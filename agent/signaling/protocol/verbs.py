"""The commands of PROTOCOL 6 by name, for those who need no model of them."""

from __future__ import annotations

VERBS = (
    "call",
    "accept",
    "reject",
    "close",
    "mute",
    "snapshot",
    "reload",
    "policy",
    "volume",
    "open",
    "privacy",
    "silence",
    "say",
    "messages",
    "play",
    "delete",
)
