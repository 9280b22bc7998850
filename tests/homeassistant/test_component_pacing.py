"""Whatever a household says at once, a device lets through: judged by the device's own throttle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent.core.policy.throttle import Throttle, ThrottleOptions
from tests.homeassistant.component import load

pacing = load("pacing")


class Clock:
    """Time that passes where nothing else can happen."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def later(self, seconds: float, then: Callable[[], None]) -> Callable[[], None]:
        timer = (self.now + seconds, then)
        self.timers.append(timer)
        return lambda: self.timers.remove(timer) if timer in self.timers else None

    def run(self) -> None:
        """Until nothing waits."""
        while self.timers:
            timer = min(self.timers, key=lambda each: each[0])
            self.timers.remove(timer)
            self.now = max(self.now, timer[0])
            timer[1]()


def message(kind: str, conversation: int) -> dict[str, Any]:
    return {"type": kind, "conversation": f"{conversation}"}


def test_dozen_screens_at_once_lose_nothing_and_none_waits_to_invite() -> None:
    clock, throttle = Clock(), Throttle()
    sent: list[tuple[float, str]] = []

    def publish(body: dict[str, Any]) -> None:
        size = 9000 if body["type"] == "invite" else 500
        assert throttle.admit("homeassistant", size, clock.now), "the device would drop it"
        sent.append((clock.now, body["type"]))

    pacer = pacing.Pacer(publish, clock.later, lambda: clock.now)
    for screen in range(12):
        pacer.say(message("invite", screen), 9000)
        for _ in range(15):
            pacer.say(message("candidate", screen), 500)
    clock.run()
    assert len(sent) == 12 * 16
    assert max(at for at, kind in sent if kind == "invite") == 1000.0
    assert clock.now < 1008


def test_long_descriptions_wait_for_their_bytes() -> None:
    clock = Clock()
    options = ThrottleOptions()
    sent: list[float] = []
    pacer = pacing.Pacer(lambda _body: sent.append(clock.now), clock.later, lambda: clock.now)
    for screen in range(10):
        pacer.say(message("invite", screen), 40_000)
    clock.run()
    assert len(sent) == 10
    passed = sent[-1] - sent[0]
    assert options.sender.burst_size + passed * options.sender.size >= 10 * 40_000


def test_close_goes_before_what_waits_and_takes_its_candidates_along() -> None:
    clock = Clock()
    sent: list[dict[str, Any]] = []
    pacer = pacing.Pacer(sent.append, clock.later, lambda: clock.now)
    for _ in range(90):
        pacer.say(message("candidate", 1), 500)
    pacer.say(message("candidate", 2), 500)
    pacer.say(message("close", 1), 500)
    clock.run()
    assert sent[56:] == [message("close", 1), message("candidate", 2)]


def test_stop_says_what_must_be_said() -> None:
    clock = Clock()
    sent: list[dict[str, Any]] = []
    pacer = pacing.Pacer(sent.append, clock.later, lambda: clock.now)
    for _ in range(90):
        pacer.say(message("candidate", 1), 500)
    pacer.say(message("close", 2), 500)
    pacer.stop()
    assert sent[56:] == [message("close", 2)]
    assert clock.timers == []
