"""How long a caller waits: until the answer, and until the first picture."""

from __future__ import annotations

import statistics

from aiortc import RTCConfiguration, RTCPeerConnection

from tests.bench.figures import Figure, spread
from tests.bench.scene import Caller, Scene, Turnstile
from tests.e2e.browser import calling, chromium

ANSWER_TARGET = 60.0  # ms
FIRST_FRAME_TARGET = 200.0  # ms


async def measure_answers(scene: Scene) -> list[Figure]:
    """Invitation to ACCEPTED, as the caller's program sees it. The offer is plain aiortc's, made
    once.
    """
    offer = await stock_offer()
    times = []
    turnstile = Turnstile()
    async with scene.device() as _, Caller.connected(scene.mosquitto) as caller:
        for number in range(scene.count(51, 11)):
            await turnstile.wait()
            exchange = await caller.invite(f"bench-{number // 8}", offer)
            caller.hang_up(exchange)
            await scene.closed(exchange.conversation)
            times.append((exchange.answered_at - exchange.invited_at) * 1000)
    first, *rest = times
    return [
        Figure(
            "invitation to ACCEPTED", statistics.median(rest), "ms", ANSWER_TARGET, spread(rest)
        ),
        Figure("invitation to ACCEPTED, first call of a device", first, "ms"),
    ]


async def stock_offer() -> str:
    """What a caller offers who sends sound and wants sound and video."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver("audio", direction="sendrecv")
    pc.addTransceiver("video", direction="recvonly")
    await pc.setLocalDescription(await pc.createOffer())
    sdp: str = pc.localDescription.sdp
    await pc.close()
    return sdp


async def measure_first_frames(scene: Scene) -> list[Figure]:
    """Invitation to the first picture that Chromium decoded and is about to show; a fresh page for
    each call.
    """
    times, phases = [], []
    async with scene.device(), chromium() as browser:
        for number in range(scene.count(16, 4)):
            async with calling(browser, scene.mosquitto, uid=f"bench-{number // 8}") as caller:
                conversation = await caller.invite(measure=False)
                await caller.until("caller.seen.frames > 0")
                seen = await caller.seen()
                await caller.hang_up()
                record = await scene.closed(conversation)
            answered = (caller.times["response"] - caller.times["invite"]) * 1000
            times.append(seen["firstFrame"] - caller.times["invite"] * 1000)
            phases.append({"answeredInCaller": answered, **record["setup"]})
    medians = {
        key: round(statistics.median(each[key] for each in phases[1:]), 1) for key in phases[0]
    }
    details = {**spread(times[1:]), "phases": medians}
    return [
        Figure(
            "invitation to first frame in Chromium",
            statistics.median(times[1:]),
            "ms",
            FIRST_FRAME_TARGET,
            details,
        ),
        Figure("invitation to first frame, first call", times[0], "ms"),
    ]
