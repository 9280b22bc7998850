"""A controller on a simulated link."""

from __future__ import annotations

from functools import cache

import pytest

from agent.core.rate.bitrate_limits import BitrateLimits
from agent.core.rate.controller import BitrateController
from tests.fakes.link import Simulation
from tests.fakes.link_options import LinkOptions, Trace

MEGABIT = 1_000_000
# one for the fast tests, all for the whole
SEEDS = (1, *(pytest.param(seed, marks=pytest.mark.lengthy) for seed in (2, 3)))
LIMITS = BitrateLimits(bitrate=2 * MEGABIT, min_bitrate=250_000, max_bitrate=4 * MEGABIT)


def simulate(link: LinkOptions, seconds: float) -> Trace:
    return Simulation(BitrateController(LIMITS), link).run(seconds)


@cache
def cut_link(queue_bytes: int, seed: int, remb: bool = True, loss: float = 0.0) -> Trace:
    """4 Mbit/s, 800 kbit/s from second 20, 4 Mbit/s again from second 50."""
    capacity = ((0.0, 4e6), (20.0, 8e5), (50.0, 4e6))
    link = LinkOptions(capacity, queue_bytes=queue_bytes, loss=((0.0, loss),), remb=remb, seed=seed)
    return simulate(link, 75)
