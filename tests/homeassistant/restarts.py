"""Broker, device and Home Assistant restarted, in whatever order, and what Home Assistant shows
afterwards.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

from tests.homeassistant.household import STEADY, Household

WHO = ("broker", "device", "home")


@dataclass
class Restarts:
    """`faults` are what was not as it should be, `counts` how often who was restarted."""

    house: Household
    entities: frozenset[str]
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    async def run(self, number: int, seed: int) -> None:
        """So many, one after the other; each of the three comes first as often as chance wants."""
        chance = random.Random(seed)
        for _ in range(number):
            await self.restart(chance.choice(WHO), kill=chance.random() < 0.5)

    async def restart(self, who: str, *, kill: bool = False) -> None:
        """`kill`: without a word."""
        self.counts[who] += 1
        what = f"{sum(self.counts.values())}: {who}{' killed' if kill else ''}"
        await getattr(self, f"_{who}")(kill=kill)
        try:
            await self.house.settled(STEADY)
        except AssertionError as error:
            self.faults.append(f"{what}: {error}")
        shown = self.house.shown().keys()
        if shown != self.entities:
            self.faults.append(f"{what}: {sorted(shown ^ self.entities)}")

    async def _broker(self, *, kill: bool) -> None:
        broker = self.house.broker
        await asyncio.to_thread(broker.kill if kill else broker.stop)
        lost = next(iter(STEADY))
        await self.house.link.state(lost, "unavailable")
        await asyncio.to_thread(broker.start)

    async def _device(self, *, kill: bool) -> None:
        if kill:
            self.house.device.process.kill()
        await self.house.device.end()
        await self.house.start_device()

    async def _home(self, *, kill: bool) -> None:
        await self.house.home_goes(kill=kill)
        await self.house.home_comes()
