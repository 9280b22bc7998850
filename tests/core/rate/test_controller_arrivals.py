"""What the bitrate controller makes of reports that name the newest packet."""

from __future__ import annotations

import pytest

from agent.core.rate.controller import BitrateController
from agent.core.rate.receiver_report import ReceiverReport
from agent.core.rate.remb import RembOptions
from tests.core.rate.links import LIMITS, simulate
from tests.fakes.link_options import LinkOptions


class Path:
    """A controller whose packets take 20 ms each way through a bottleneck, with five reports a
    second.
    """

    def __init__(self) -> None:
        self.controller = BitrateController(LIMITS)
        self.now = 0.0
        self.targets: list[int] = []
        self.pauses: list[float] = []
        self._number = 0
        # (leaves the bottleneck, number, octets)
        self._waiting: list[tuple[float, int, int]] = []
        self._free_at = 0.0
        self._highest = 0

    def run(
        self,
        seconds: float,
        *,
        capacity: float = 1e9,
        remb: float | None = None,
        lateness: float = 0.0,
    ) -> None:
        for tick in range(round(seconds * 30)):
            self.now += 1 / 30
            self._send(capacity)
            if tick % 6 == 5:
                self._report(lateness)
                if remb is not None:
                    self.controller.on_remb(self.now, remb)
            self.controller.update(self.now)
            self.targets.append(self.controller.target)
            if (pause := self.controller.take_pause()) is not None:
                self.pauses.append(pause)

    def _send(self, capacity: float) -> None:
        octets = self.controller.target // 8 // 30
        self._number += 1
        self.controller.on_packets(self.now, self._number & 0xFFFF, octets)
        self._free_at = max(self._free_at, self.now) + 8 * octets / capacity
        self._waiting.append((self._free_at, self._number, octets))

    def _report(self, lateness: float) -> None:
        made_at = self.now - 0.02 - lateness
        while self._waiting and self._waiting[0][0] + 0.02 <= made_at:
            self._highest = self._waiting.pop(0)[1]
        self.controller.on_receiver_report(
            self.now, ReceiverReport(0.0, 0.04, 0.002, self._highest, 0, lateness)
        )


def test_controller_cut_is_fitted_within_two_reports_and_a_pause_asked_for_once() -> None:
    path = Path()
    path.run(20)
    assert path.controller.target == LIMITS.max_bitrate
    path.run(1.0, capacity=800_000)
    assert path.controller.target <= 800_000
    assert len(path.pauses) == 1
    assert path.controller.quality_limitation_reason == "bandwidth"


def test_controller_takes_lateness_of_this_machine_for_no_queue() -> None:
    path = Path()
    path.run(20)
    path.run(10, lateness=0.3)
    assert min(path.targets[-300:]) == LIMITS.max_bitrate
    assert path.pauses == []


def test_controller_estimate_that_falls_while_all_arrives_in_time_is_not_followed() -> None:
    path = Path()
    path.run(20, remb=6e6)
    for second in range(10):
        path.run(1, remb=700_000 * 1.08**second)
    assert min(path.targets[-300:]) == LIMITS.max_bitrate


def test_controller_estimate_that_stands_still_is_a_cap_all_the_same() -> None:
    path = Path()
    path.run(20, remb=6e6)
    path.run(20, remb=700_000)
    assert path.controller.target <= 700_000 / RembOptions().tolerance


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_controller_without_arrivals_round_trips_and_loss_tell(seed: int) -> None:
    capacity = ((0.0, 4e6), (20.0, 8e5), (50.0, 4e6))
    trace = simulate(LinkOptions(capacity, queue_bytes=60_000, arrivals=False, seed=seed), 75)
    assert trace.first_time(20, lambda target: target <= 800_000) <= 5
    assert trace.worst_latency(28, 50) < 0.3
    assert trace.first_time(50, lambda target: target >= 3_200_000) <= 25
