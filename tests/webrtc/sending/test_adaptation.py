"""The controller's wiring: what comes in reaches it, and its target goes to encoder and pacer."""

from __future__ import annotations

import pytest

from agent.core.rate.encoder_demand import MAX_FRAME_DIVISOR, EncoderDemand
from agent.core.rate.receiver_report import ReceiverReport
from agent.ports import AccessUnit, BitrateLimits
from agent.webrtc.sending.adaptation import PAUSE, BitrateAdaptation

LIMITS = BitrateLimits(1_000_000, 200_000, 3_000_000)
FRAME = 1 / 30


class Sending:
    """A sender at 30 fps whose encoder obeys, and a clock."""

    def __init__(self, limits: BitrateLimits = LIMITS, *, followed: bool = True) -> None:
        self.now = 100.0
        self.demands: list[EncoderDemand] = []
        self.keyframes = 0
        self.octets = 0
        self._frames = 0
        self._left: list[tuple[int, float]] = []
        self.adaptation = BitrateAdaptation(
            limits, self.demands.append, self._keyframe, lambda: self.now, followed=followed
        )

    @property
    def requested(self) -> list[int]:
        """bit/s that each demand sends."""
        return [demand.sent_bitrate for demand in self.demands]

    def _keyframe(self) -> None:
        self.keyframes += 1

    def report(self, loss: float, round_trip: float, lateness: float = 0.0) -> ReceiverReport:
        """All that was sent up to a round trip ago has arrived."""
        arrived = next(
            (number for number, at in reversed(self._left) if at <= self.now - round_trip), 0
        )
        return ReceiverReport(loss, round_trip, 0.002, arrived, 0, lateness)

    def run(self, seconds: float, *, loss: float | None = 0.0, round_trip: float = 0.04) -> None:
        """Pictures, and a receiver report a second; `loss` None: no report."""
        for _ in range(round(seconds * 30)):
            picture = self.adaptation.target // 8 // 30
            self.octets += picture
            self.adaptation.left(self._frames, picture)
            self._left.append((self._frames, self.now))
            self.adaptation.sent(self.octets)
            if loss is not None and self._frames % 30 == 15:
                self.adaptation.on_receiver_report(self.report(loss, round_trip))
            self._frames += 1
            self.now += FRAME


def test_bitrate_adaptation_encoder_is_told_where_to_start() -> None:
    sending = Sending()
    # nothing before a picture leaves
    assert sending.requested == []
    sending.run(FRAME)
    assert sending.requested == [1_000_000]
    assert sending.adaptation.target == sending.adaptation.pacer.target == 1_000_000
    assert sending.adaptation.quality_limitation_reason == "none"


def test_bitrate_adaptation_grows_to_the_maximum_and_no_further() -> None:
    sending = Sending()
    sending.run(40)
    assert sending.requested[-1] == max(sending.requested) == LIMITS.max_bitrate
    assert sending.adaptation.pacer.target == LIMITS.max_bitrate


def test_bitrate_adaptation_remb_and_round_trips_lower_it() -> None:
    sending = Sending()
    sending.run(20)
    before = sending.adaptation.target
    sending.adaptation.on_remb(before)
    sending.run(1, round_trip=0.3)
    sending.adaptation.on_remb(before // 3)
    sending.run(1, round_trip=0.5)
    assert sending.adaptation.target < 0.6 * before
    assert sending.requested[-1] == sending.adaptation.pacer.target == sending.adaptation.target
    assert sending.adaptation.quality_limitation_reason == "bandwidth"


def test_bitrate_adaptation_fewest_pictures_at_the_minimum_are_the_least() -> None:
    sending = Sending()
    for _ in range(20):
        sending.adaptation.on_remb(10_000)
        sending.run(1, loss=0.5, round_trip=1.0)
    assert min(sending.requested) == LIMITS.min_bitrate // MAX_FRAME_DIVISOR


def test_bitrate_adaptation_packets_asked_for_again_stop_the_growth() -> None:
    calm, troubled = Sending(), Sending()
    for _ in range(100):
        calm.run(0.1)
        troubled.adaptation.on_nack(20)
        troubled.run(0.1)
    assert troubled.adaptation.target < calm.adaptation.target


def test_bitrate_adaptation_queue_of_our_own_lowers_it() -> None:
    sending = Sending()
    sending.run(5)
    before = sending.adaptation.target
    sending.adaptation.pacer.put(
        sending.now, AccessUnit(b"", True, 0, 0.0), [bytes(1200)] * 1000, 1_200_000
    )
    sending.run(3)
    assert sending.adaptation.target < before


def test_bitrate_adaptation_after_a_pause_the_past_is_forgotten() -> None:
    """A muted camera hears no reports; that is no sign of a bad path."""
    sending = Sending()
    sending.run(10)
    before = sending.adaptation.target
    sending.now += PAUSE + 10
    sending.run(1)
    assert sending.adaptation.target >= before
    assert sending.requested[-1] >= before


def test_bitrate_adaptation_after_an_outage_and_a_pause_the_rate_is_the_one_before() -> None:
    """A lost call sends nothing; its target has fallen by then."""
    sending = Sending()
    sending.run(10)
    before = sending.adaptation.target
    sending.run(8, loss=None)
    assert sending.adaptation.target < before / 2
    assert sending.adaptation.carried >= 0.8 * before
    sending.now += PAUSE + 1
    sending.run(1)
    assert sending.adaptation.target >= before / 2


def test_bitrate_adaptation_goes_on_with_what_another_transport_carried() -> None:
    sending = Sending()
    sending.adaptation.resume(LIMITS.max_bitrate * 2)
    assert sending.adaptation.target == sending.adaptation.pacer.target == LIMITS.max_bitrate
    sending.adaptation.resume(1)
    assert sending.adaptation.target == LIMITS.min_bitrate


def test_bitrate_adaptation_silence_of_the_remote_peer_lowers_it() -> None:
    sending = Sending()
    sending.run(10)
    before = sending.adaptation.target
    sending.run(10, loss=None)
    assert sending.adaptation.target < before


def test_bitrate_adaptation_lost_picture_asks_for_a_key_frame() -> None:
    sending = Sending()
    sending.adaptation.on_picture_loss()
    assert sending.keyframes == 1


def test_bitrate_adaptation_under_the_minimum_only_what_the_path_holds_is_asked_for_and_that_is_said() -> (
    None
):
    """Half of the packets are lost, and round trips are long: fewer pictures, and then all of them
    again.
    """
    sending = Sending()
    for _ in range(20):
        sending.adaptation.on_remb(10_000)
        sending.run(1, loss=0.5, round_trip=1.0)
    assert LIMITS.min_bitrate // 2 in sending.requested
    assert (
        sending.adaptation.target
        == sending.adaptation.pacer.target
        == sending.requested[-1]
        < LIMITS.min_bitrate
    )
    assert sending.adaptation.quality_limitation_reason == "bandwidth"
    sending.run(90)
    assert sending.requested[-1] > LIMITS.min_bitrate


def test_bitrate_adaptation_one_that_the_encoder_does_not_follow_is_not_misled_by_its_own_queue() -> (
    None
):
    sending = Sending(followed=False)
    sending.run(5)
    before = sending.adaptation.target
    sending.adaptation.pacer.put(
        sending.now, AccessUnit(b"", True, 0, 0.0), [bytes(1200)] * 1000, 1_200_000
    )
    sending.run(3)
    assert sending.adaptation.target >= before


def test_bitrate_adaptation_stays_at_what_the_remote_peer_allows() -> None:
    sending = Sending()
    sending.adaptation.cap(600_000)
    assert sending.adaptation.target == sending.adaptation.pacer.target == 600_000
    sending.run(20)
    assert sending.demands[0] == EncoderDemand(600_000)
    assert max(sending.requested) == 600_000


def test_bitrate_adaptation_goes_not_below_the_minimum_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sending = Sending()
    sending.adaptation.cap(50_000)
    sending.run(5)
    assert {sending.adaptation.target, *sending.requested} == {LIMITS.min_bitrate}
    assert caplog.text.count("allows 50000 bit/s") == 1
