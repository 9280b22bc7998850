"""A deterministic bottleneck between a sender of video and a receiver that reports as Chromium
does.

One queue with tail drop, served at a capacity that changes at given times, then a propagation delay
and random loss. Sender reports travel through the queue with the media; feedback comes back on an
uncongested path that loses as much. The REMB estimator is aiortc's port of libwebrtc's, so that its
lag and its first values are the real ones. No clock, no tasks: a heap of events and a seeded random
generator.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable

from agent.core.rate.controller import BitrateController
from agent.core.rate.probing import Probe
from agent.core.rate.receiver_report import ReceiverReport
from tests.fakes.link_options import LinkOptions, Schedule, Trace
from tests.fakes.link_receiver import OVERHEAD, PAYLOAD, Packet, Receiver

# bytes on the wire
SENDER_REPORT = 80
# packets at once; more are no random loss
MOST_RESENT = 30
# seconds between two bursts of a probe; of the receiver's clock
TICK, CLOCK = 0.01, 4711.0
# seconds without a picture after an overflow
OVERFLOW_PAUSE = 0.25


class Simulation:
    """Sender, link, receiver and the controller under test in one loop of events."""

    def __init__(self, controller: BitrateController, options: LinkOptions) -> None:
        self.controller = controller
        self.options = options
        self.random = random.Random(options.seed)
        self.now = 0.0
        self.trace = Trace(targets=[(0.0, controller.target)])
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0
        self._queue: deque[Packet] = deque()
        self._queued_bytes = 0
        self._paused_until = 0.0
        self._needs_key_frame = False
        self._receiver = Receiver(remb=options.remb and not options.transport_wide)
        self._remb_sent: tuple[float, int] | None = None
        self._sequence_number = 0
        self._history: dict[int, Packet] = {}
        self._frames = 0
        # bytes that a key frame took in advance
        self._debt = 0.0
        self._number = 0
        # transport-wide number -> when it arrived, by a clock of the receiver's own
        self._arrived: dict[int, float] = {}
        self._told = -1
        self._probing_until: float | None = None

    def run(self, seconds: float) -> Trace:
        self._at(0.0, self._send_frame)
        self._at(0.05, self._send_sender_report)
        self._at(1.0, self._send_receiver_report)
        self._at(0.1, self._update)
        self._at(1.0, self._report_sent)
        if self.options.transport_wide:
            self._at(0.1, self._send_transport_feedback)
        elif self.options.remb:
            self._at(0.1, self._send_remb)
        while self._events and self._events[0][0] <= seconds:
            self.now, _, event = heapq.heappop(self._events)
            event()
        return self.trace

    def _at(self, at: float, event: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._events, (at, self._order, event))

    def _scheduled(self, schedule: Schedule) -> float:
        if len(schedule) == 1:
            return schedule[0][1]
        return next(value for at, value in reversed(schedule) if at <= self.now)

    # the sender

    def _send_frame(self) -> None:
        mean = self.controller.target * self.options.encoder_ratio / 30 / 8
        interval = self.options.key_frame_interval
        size = mean * self.random.uniform(0.8, 1.2)
        due = interval is not None and self._frames % round(interval * 30) == 0
        if due or (self._needs_key_frame and self.now >= self._paused_until):
            self._needs_key_frame = False
            self._debt += 5 * mean
            size = 6 * mean
        elif self._debt > 0:
            # rate control wins the key frame back, a quarter of each frame
            self._debt -= size / 4
            size *= 3 / 4
        self._frames += 1
        remaining = max(1, int(size))
        # the encoder goes on, and what it makes is thrown away
        if self.now < self._paused_until:
            self._at(self._frames / 30, self._send_frame)
            return
        octets, number, sizes = remaining, self._number, []
        while remaining > 0:
            payload = min(PAYLOAD, remaining)
            remaining -= payload
            packet = Packet(self._sequence_number, payload + OVERHEAD, self.now, self.now)
            self._history[self._sequence_number] = packet
            self._history.pop(self._sequence_number - 1024, None)
            self._sequence_number += 1
            sizes.append(packet.size)
            self._enqueue(packet)
        if self.options.transport_wide:
            self.controller.on_numbered(self.now, number & 0xFFFF, sizes)
            self._start_probe()
        self.controller.on_packets(self.now, (self._sequence_number - 1) & 0xFFFF, octets)
        self._at(self._frames / 30, self._send_frame)

    def _pause(self, seconds: float) -> None:
        """As a sender does where a queue overflowed: forget what was sent, and go on with a key
        frame.
        """
        if self.now >= self._paused_until:
            self._paused_until = self.now + seconds
            self._history.clear()
            self._needs_key_frame = True

    def _send_sender_report(self) -> None:
        self._enqueue(Packet(0, SENDER_REPORT, self.now, self.now, sender_report=True))
        self._at(self.now + self.random.uniform(0.5, 1.5), self._send_sender_report)

    def _update(self) -> None:
        self.controller.on_send_queue(self.now, 0, 0.0)
        before = self.controller.target
        target = self.controller.update(self.now)
        if target is not None and target != before:
            self.trace.targets.append((self.now, target))
            self.trace.reasons.append(
                (self.now, self.controller.why, self.controller.quality_limitation_reason)
            )
        self._at(self.now + 0.1, self._update)

    def _report_sent(self) -> None:
        self.controller.on_sent_bitrate(self.now, self.trace.sent_bitrate(self.now - 1.0, self.now))
        self._at(self.now + 1.0, self._report_sent)

    # the link

    def _enqueue(self, packet: Packet) -> None:
        self.trace.send(self.now, packet.size)
        packet.number, self._number = self._number, self._number + 1
        if self._queued_bytes + packet.size > self.options.queue_bytes:
            return
        self._queue.append(packet)
        self._queued_bytes += packet.size
        if len(self._queue) == 1:
            self._serve()

    def _serve(self) -> None:
        seconds = self._queue[0].size * 8 / self._scheduled(self.options.capacity)
        self._at(self.now + seconds, self._depart)

    def _depart(self) -> None:
        packet = self._queue.popleft()
        self._queued_bytes -= packet.size
        if self._queue:
            self._serve()
        if not self._lost():
            delay = self._scheduled(self.options.propagation_delay)
            latency = self.now - packet.sent_at
            self._at(self.now + delay, lambda: self._arrive(packet, latency))

    def _lost(self) -> bool:
        outages = self.options.outages
        if outages and any(start <= self.now < end for start, end in outages):
            return True
        return self.random.random() < self._scheduled(self.options.loss)

    def _feedback(self, deliver: Callable[[], None]) -> None:
        if not self._lost():
            self._at(self.now + self._scheduled(self.options.propagation_delay), deliver)

    # the receiver

    def _arrive(self, packet: Packet, latency: float) -> None:
        if not packet.sender_report:
            self.trace.latency.append((self.now, latency))
        if packet.number is not None:
            self._arrived[packet.number] = self.now + CLOCK
        missing = self._receiver.on_packet(packet, self.now)
        if missing:
            self._feedback(lambda: self._retransmit(missing))
        last = self._remb_sent
        estimate = self._receiver.estimate
        if (
            last
            and estimate
            and self.options.remb
            and estimate < 0.97 * last[1]
            and self.now - last[0] >= 0.2
        ):
            # libwebrtc sends a fall at once, at most five times a second
            self._feed_remb(estimate)

    def _retransmit(self, missing: list[int]) -> None:
        run = missing[0] & 0xFFFF, missing[-1] & 0xFFFF
        self.controller.on_nack(self.now, len(missing), run)
        if len(missing) > MOST_RESENT:
            self._pause(OVERFLOW_PAUSE)
            return
        for sequence_number in missing:
            lost = self._history.get(sequence_number)
            if lost is not None:
                self._resend(lost)

    def _resend(self, packet: Packet) -> None:
        size = packet.size + 2
        self.controller.on_resent(size)
        if self.options.transport_wide:
            self.controller.on_numbered(self.now, self._number & 0xFFFF, [size])
        number, captured_at = packet.sequence_number, packet.captured_at
        self._enqueue(Packet(number, size, self.now, captured_at, retransmission=True))

    def _start_probe(self) -> None:
        probe = None if self._probing_until else self.controller.take_probe(self.now)
        if probe is not None:
            self.trace.probes.append((self.now, probe.bitrate))
            self.controller.on_probe(self.now, begins=True)
            self._probing_until = self.now + probe.seconds
            self._probe(probe, self.trace.octets)

    def _probe(self, probe: Probe, before: int) -> None:
        assert self._probing_until is not None
        last = self._history[self._sequence_number - 1]
        padding = Packet(last.sequence_number, PAYLOAD + OVERHEAD, 0.0, last.captured_at)
        left = max(0.0, self._probing_until - self.now - TICK)
        wanted = before + probe.bitrate / 8 * (probe.seconds - left)
        while self.trace.octets < wanted:
            self._resend(padding)
        if left:
            self._at(self.now + TICK, lambda: self._probe(probe, before))
        else:
            self._probing_until = None
            self.controller.on_probe(self.now, begins=False)

    def _send_receiver_report(self) -> None:
        self._report()
        self._at(self.now + self.random.uniform(0.5, 1.5), self._send_receiver_report)

    def _report(self) -> None:
        lost, jitter = self._receiver.fraction_lost(), self._receiver.jitter
        highest, total = self._receiver.highest, self._receiver.lost
        report, arrived = self._receiver.last_sender_report or (None, 0.0)
        held = self.now - arrived

        def deliver() -> None:
            round_trip = None if report is None else self.now - report - held
            arrived = (highest, total) if self.options.arrivals else (None, None)
            seen = ReceiverReport(lost, round_trip, jitter, *arrived)
            self.controller.on_receiver_report(self.now, seen)
            if (pause := self.controller.take_pause()) is not None:
                self._pause(pause)

        self._feedback(deliver)

    def _send_transport_feedback(self) -> None:
        if self._arrived:
            first, last = self._told + 1, max(self._arrived)
            arrivals = [self._arrived.get(number) for number in range(first, last + 1)]
            self._told = last
            self._arrived.clear()
            self._feedback(
                lambda: self.controller.on_transport_feedback(self.now, first & 0xFFFF, arrivals)
            )
        self._at(self.now + 0.1, self._send_transport_feedback)

    def _send_remb(self) -> None:
        if self._receiver.estimate is not None and (
            self._remb_sent is None or self.now - self._remb_sent[0] >= 1.0
        ):
            self._feed_remb(self._receiver.estimate)
        self._at(self.now + 0.1, self._send_remb)

    def _feed_remb(self, estimate: int) -> None:
        self._remb_sent = (self.now, estimate)
        # it travels in the same packet
        self._report()
        self._feedback(lambda: self.controller.on_remb(self.now, estimate))
