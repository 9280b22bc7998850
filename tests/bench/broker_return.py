"""How long a device stays away after its broker has come back."""

from __future__ import annotations

import asyncio
import random
import statistics
import time

from tests.bench.figures import Figure, percentile, spread
from tests.bench.scene import Caller, Scene
from tests.bench.setup_time import stock_offer
from tests.e2e.device import UID

RETURN_TARGET = 5.0  # seconds
# seconds that the broker is away
SHORTEST, LONGEST = 0.2, 20.0
# seconds; most restarts are over by then
SHORT = 2.0
SEED = 1883


async def measure_broker_return(scene: Scene) -> list[Figure]:
    """The broker is killed over and over, for a time at random; from its return to the device's
    answer to a caller.

    Of each three outages two are short ones that follow right after the one before, so that the
    device has no rest in which its pauses would become shorter again.
    """
    lengths = random.Random(SEED)
    offer, killed, frozen = await stock_offer(), [], []
    async with scene.device() as _, Caller.connected(scene.mosquitto) as caller:
        for number in range(scene.count(24, 6)):
            length = lengths.uniform(SHORTEST, SHORT if number % 3 else LONGEST)
            await asyncio.to_thread(scene.mosquitto.kill)
            await asyncio.sleep(length)
            await asyncio.to_thread(scene.mosquitto.start)
            killed.append(await answered(scene, caller, offer, f"bench-{number // 4}", forgot=True))
        for number in range(scene.count(3, 1)):
            scene.mosquitto.freeze()
            await asyncio.sleep(lengths.uniform(SHORTEST, LONGEST))
            scene.mosquitto.thaw()
            frozen.append(await answered(scene, caller, offer, f"frozen-{number}", forgot=False))
    return [
        Figure(
            "a killed broker's return to a call's answer, worst",
            max(killed),
            "s",
            RETURN_TARGET,
            spread(killed),
        ),
        Figure("a killed broker's return to a call's answer, 95 %", percentile(killed, 95), "s"),
        Figure(
            "a killed broker's return to a call's answer, median", statistics.median(killed), "s"
        ),
        Figure(
            "a frozen broker's return to a call's answer, worst",
            max(frozen),
            "s",
            RETURN_TARGET,
            spread(frozen),
        ),
    ]


async def answered(scene: Scene, caller: Caller, offer: str, uid: str, *, forgot: bool) -> float:
    """Seconds from now until the device has answered a call. A broker that `forgot` knows no device
    for a while.
    """
    returned, mark = time.monotonic(), len(scene.watcher.messages)
    if forgot:
        await scene.watcher.wait(
            f"{UID}/status", lambda body: body["state"] == "online", after=mark
        )
    exchange = await caller.invite(uid, offer)
    caller.hang_up(exchange)
    await scene.closed(exchange.conversation)
    return exchange.answered_at - returned
