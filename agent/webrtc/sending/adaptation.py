"""One conversation's bitrate: what the remote peer reports goes to the controller, its target to
encoder and pacer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from agent.core.rate.bitrate_limits import BitrateLimits
from agent.core.rate.controller import BitrateController
from agent.core.rate.encoder_demand import EncoderDemand
from agent.core.rate.encoder_target import QualityLimitationReason
from agent.core.rate.frame_dropper import FrameDropper
from agent.core.rate.probing import Probe
from agent.core.rate.receiver_report import ReceiverReport
from agent.webrtc.sending.pacing import PicturePacer

log = logging.getLogger(__name__)

UPDATE_INTERVAL = 0.2  # seconds
# seconds over which the sent bitrate is measured
SENT_INTERVAL = 1.0
# seconds without a picture, after which the past tells nothing of the path
PAUSE = 3.0


class BitrateAdaptation:
    """Works while pictures leave: `sent` is called with each of them, and drives it.

    `set_demand` gets what every new target asks of the encoder, the first one before the first
    picture; where the path holds less than the minimum of `limits`, fewer pictures. The encoder may
    go on as it likes where it does not follow this conversation (`followed`): then the target binds
    the pacer alone.
    """

    def __init__(
        self,
        limits: BitrateLimits,
        set_demand: Callable[[EncoderDemand], None],
        request_keyframe: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        *,
        followed: bool = True,
    ) -> None:
        self._limits = limits
        self._set_demand = set_demand
        self._request_keyframe = request_keyframe
        self._clock = clock
        self._controller = self._make_controller(limits.bitrate)
        self._updated_at = self._sent_at = self._measured_at = float("-inf")
        self._octets = 0
        self._followed = followed
        self._frame_dropper = FrameDropper()
        self._keyframe_due_at = float("-inf")
        self.pacer = PicturePacer(self.target, strict=not followed)
        # set by who sends
        self.let_drain: Callable[[float], None] = lambda _seconds: None

    @property
    def target(self) -> int:
        """bit/s that leave."""
        return self._controller.target // self._frame_dropper.divisor

    @property
    def demand(self) -> EncoderDemand:
        """What the encoder is asked for."""
        return EncoderDemand.fitting(
            self._controller.target, self._frame_dropper.divisor, self._limits.min_bitrate
        )

    @property
    def quality_limitation_reason(self) -> QualityLimitationReason:
        return (
            "bandwidth"
            if self._frame_dropper.divisor > 1
            else self._controller.quality_limitation_reason
        )

    def cap(self, bitrate: int) -> None:
        """What the remote peer's description allows (`b=`, RFC 8834 7.1), in bit/s; before the
        first picture.
        """
        if bitrate < self._limits.min_bitrate:
            log.warning(
                "the remote peer allows %d bit/s of video; it gets min_bitrate, %d",
                bitrate,
                self._limits.min_bitrate,
            )
        self._limits = self._limits.capped(bitrate)
        self._controller = self._make_controller(self._limits.bitrate)
        self.pacer.target = self.target

    def resume(self, bitrate: int) -> None:
        """Go on with what the transport before this one carried over the same path, in bit/s;
        before the first picture.
        """
        low, high = self._limits.min_bitrate, self._limits.max_bitrate
        self._controller = self._make_controller(max(low, min(high, bitrate)))
        self._controller.begin(self._clock())
        self.pacer.target = self.target

    @property
    def carried(self) -> int:
        """bit/s to go on with over the same path, in another transport too."""
        return self._controller.carried(self._clock())

    def sent(self, octets: int) -> None:
        """A picture, or a part of it, has left: `octets` on the wire so far, all in all."""
        now = self._clock()
        if now - self._sent_at > PAUSE:
            self._begin(now, octets)
        self._sent_at = now
        if now - self._measured_at >= SENT_INTERVAL:
            self._controller.on_sent_bitrate(
                now, 8 * (octets - self._octets) / (now - self._measured_at)
            )
            self._measured_at, self._octets = now, octets
        if now - self._updated_at >= UPDATE_INTERVAL:
            # else what waits is the encoder's excess, and tells nothing of the path
            if self._followed:
                self._controller.on_send_queue(now, self.pacer.backlog, self.pacer.oldest_age(now))
            self._update(now)

    def left(self, sequence_number: int, octets: int) -> None:
        """Packets have left, the last with this sequence number, so many octets in all."""
        self._controller.on_packets(self._clock(), sequence_number, octets)

    def resent(self, octets: int) -> None:
        self._controller.on_resent(octets)

    def numbered(self, number: int, sizes: Sequence[int]) -> None:
        """Packets have left, of so many octets each, the first with this transport-wide number."""
        self._controller.on_numbered(self._clock(), number, sizes)

    def take_probe(self) -> Probe | None:
        """What to send beside pictures, now, to find out whether the path holds more."""
        return self._controller.take_probe(self._clock())

    def probe(self, *, begins: bool) -> None:
        """What leaves next is the first packet of a probe, or the first behind it."""
        self._controller.on_probe(self._clock(), begins=begins)

    # --- what the remote peer reports

    def on_receiver_report(self, report: ReceiverReport) -> None:
        now = self._clock()
        self._controller.on_receiver_report(now, report)
        self._update(now)
        self._take_pause()

    def on_remb(self, bitrate: int) -> None:
        now = self._clock()
        self._controller.on_remb(now, bitrate)
        self._update(now)

    def on_transport_feedback(self, first: int, arrivals: Sequence[float | None]) -> None:
        now = self._clock()
        self._controller.on_transport_feedback(now, first, arrivals)
        self._update(now)
        self._take_pause()

    def on_nack(self, packets: int, run: tuple[int, int] | None = None) -> None:
        now = self._clock()
        self._controller.on_nack(now, packets, run)
        self._update(now)

    def on_picture_loss(self) -> None:
        if self._clock() >= self._keyframe_due_at:
            self._request_keyframe()

    def expect_keyframe(self, at: float) -> None:
        """One will be asked for then, whatever is lost: asked for earlier, it would wait behind a
        queue.
        """
        self._keyframe_due_at = at

    # --- what follows

    def _begin(self, now: float, octets: int) -> None:
        """The first picture, or the first after a pause: the path may be another one, the target is
        a fair guess.
        """
        self._controller = self._controller.forgetful(now)
        self._measured_at, self._octets = now, octets
        self._set_demand(self.demand)

    def _take_pause(self) -> None:
        pause = self._controller.take_pause()
        if pause is not None:
            self.let_drain(pause)

    def _make_controller(self, bitrate: int) -> BitrateController:
        return BitrateController(replace(self._limits, bitrate=bitrate))

    def _update(self, now: float) -> None:
        self._updated_at = now
        changed = self._controller.update(now) is not None
        if self._frame_dropper.update(now, self._controller.short_at) or changed:
            log.debug("target bitrate %d: %s", self.target, self._controller.why)
            self.pacer.target = self.target
            self._set_demand(self.demand)
