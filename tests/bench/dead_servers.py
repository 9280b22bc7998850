"""How long a caller waits for the answer while every STUN and TURN server is dead."""

from __future__ import annotations

import socket
import statistics
from contextlib import ExitStack

from tests.bench.figures import Figure, spread
from tests.bench.scene import PATTERN_720P, Caller, Scene, Turnstile
from tests.bench.setup_time import stock_offer

# ms, of the slowest call
ANSWER_TARGET = 300.0


async def measure_dead_servers(scene: Scene) -> list[Figure]:
    """Servers that take what is sent and say nothing, over UDP, TCP and TLS; the same device
    without any beside it.
    """
    with ExitStack() as stack:
        udp, tcp = (
            stack.enter_context(socket.socket(type=kind))
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)
        )
        for each in (udp, tcp):
            each.bind(("127.0.0.1", 0))
        tcp.listen(1024)
        silent, mute = f"127.0.0.1:{udp.getsockname()[1]}", f"127.0.0.1:{tcp.getsockname()[1]}"
        urls = [f"stun:{silent}", f"turn:{silent}", f"turn:{mute}?transport=tcp", f"turns:{mute}"]
        dead = await _answers(
            scene, f'[ice]\nservers = [{{urls = {urls}, username = "u", credential = "p"}}]\n'
        )
    none = await _answers(scene, "")
    return [
        Figure(
            "ACCEPTED with dead STUN and TURN, slowest",
            max(dead),
            "ms",
            ANSWER_TARGET,
            spread(dead),
        ),
        Figure("ACCEPTED with dead STUN and TURN, median", statistics.median(dead), "ms"),
        Figure(
            "ACCEPTED without servers, median", statistics.median(none), "ms", details=spread(none)
        ),
    ]


async def _answers(scene: Scene, ice: str) -> list[float]:
    """Milliseconds from an invitation to ACCEPTED; the first call of the device among them."""
    offer, turnstile, times = await stock_offer(), Turnstile(), []
    async with scene.device(PATTERN_720P + ice), Caller.connected(scene.mosquitto) as caller:
        for number in range(scene.count(15, 5)):
            await turnstile.wait()
            exchange = await caller.invite(f"bench-{number // 8}", offer)
            caller.hang_up(exchange)
            await scene.closed(exchange.conversation)
            times.append((exchange.answered_at - exchange.invited_at) * 1000)
    return times
