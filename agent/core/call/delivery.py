"""What became of a message that the broker has taken."""

from __future__ import annotations

from enum import StrEnum


class Delivery(StrEnum):
    """An error tells of one that it has not taken."""

    TAKEN = "taken"
    """It is on its way, or nobody can say."""
    UNHEARD = "unheard"
    """Nobody would get it: the broker knows no subscriber, and no session of one who is away."""
