"""What the one encoder shall make that several conversations share. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from agent.core.call.reasons import SharedBitrate


class Wish(NamedTuple):
    """One open conversation: the most that its path holds (bit/s; None: not said yet), and what its
    policy says.
    """

    bitrate: int | None
    shared: SharedBitrate = SharedBitrate.FOLLOW


def shared_bitrate(wishes: Iterable[Wish], otherwise: int) -> int:
    """The lowest wish of those that are followed, or of all where none is; `otherwise` where nobody
    has said one.
    """
    everybody = list(wishes)
    followed = [wish for wish in everybody if wish.shared is SharedBitrate.FOLLOW] or everybody
    return min((wish.bitrate for wish in followed if wish.bitrate is not None), default=otherwise)
