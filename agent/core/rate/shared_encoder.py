"""What the one encoder makes that several conversations share. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from agent.core.call.reasons import SharedBitrate
from agent.core.rate.encoder_demand import EncoderDemand


class EncoderClaim(NamedTuple):
    """One open conversation: the most that its path holds (None: not said yet), and what its policy
    says.
    """

    demand: EncoderDemand | None
    shared: SharedBitrate = SharedBitrate.FOLLOW


def shared_demand(claims: Iterable[EncoderClaim], otherwise: EncoderDemand) -> EncoderDemand:
    """The demand that sends the least, of those that are followed, or of all where none is;
    `otherwise` where none has been said.
    """
    claims = list(claims)
    followed = [each for each in claims if each.shared is SharedBitrate.FOLLOW] or claims
    demands = (each.demand for each in followed if each.demand is not None)
    return min(demands, key=lambda demand: demand.bitrate / demand.frame_divisor, default=otherwise)
