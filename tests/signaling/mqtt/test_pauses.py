"""What cuts a pause short; how long it is `test_backoff` holds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from agent.signaling.mqtt.disconnect import DisconnectReason
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.mqtt.pauses import Pauses
from tests.waiting import PATIENCE

LONG = MqttOptions(retry_first=600.0, retry_longest=600.0, retry_refused=1200.0)
PLAIN = DisconnectReason("gone")
CLOCK = DisconnectReason("not yet valid", clock=True)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each pause, whether it was a slow one."""
    found: list[bool] = []

    class Quick:
        def __init__(self, _options: MqttOptions) -> None: ...

        def held(self, seconds: float) -> None: ...

        def next(self, *, slow: bool, spent: float = 0.0) -> float:
            found.append(slow)
            return 0.0

    monkeypatch.setattr("agent.signaling.mqtt.pauses.Backoff", Quick)
    return found


def waiting(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def ends(thread: threading.Thread) -> bool:
    thread.join(PATIENCE)
    return not thread.is_alive()


def test_pauses_clock_that_steps_ends_one_behind_what_failed_by_it() -> None:
    pauses = Pauses(LONG)
    thread = waiting(lambda: pauses.failed(CLOCK, spent=0.0))
    while not pauses._by_clock:
        time.sleep(0.001)
    pauses.clock_stepped()
    assert ends(thread)


def test_pauses_clock_that_steps_ends_no_other() -> None:
    pauses = Pauses(LONG)
    pauses.clock_stepped()
    thread = waiting(lambda: pauses.failed(PLAIN, spent=0.0))
    pauses.clock_stepped()
    assert not pauses._over.is_set()
    pauses.end()
    assert ends(thread)


def test_pauses_none_after_a_move_and_the_usual_one_after_that(asked: list[bool]) -> None:
    pauses = Pauses(LONG)
    pauses.moved()
    pauses.lost(PLAIN, held=1.0)
    assert not pauses._over.is_set()
    assert not pauses._none.is_set()


def test_pauses_are_slow_while_a_rival_is_spared(asked: list[bool]) -> None:
    pauses = Pauses(LONG)
    pauses.lost(PLAIN, held=1.0)
    pauses.spare(True)
    pauses.lost(PLAIN, held=1.0)
    pauses.spare(False)
    pauses.failed(PLAIN, spent=0.0)
    assert asked == [False, True, False]


def test_pauses_end_for_good() -> None:
    pauses = Pauses(LONG)
    pauses.end()
    for _ in range(2):
        pauses.failed(PLAIN, spent=0.0)
