"""Sending pictures: in the pacer's time, not the encoder's."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from agent.ports import VIDEO_CLOCK_RATE, AccessUnit
from agent.webrtc.internals import RtpSender
from agent.webrtc.sending.adaptation import BitrateAdaptation
from agent.webrtc.sending.pacing import OVERFLOW_PAUSE
from agent.webrtc.sending.probe_burst import ProbeBurst
from agent.webrtc.sending.rtp_stream import HISTORY_SIZE, RtpStream, SentPacket, UnitSource

# bytes that the socket has not taken; beyond, pictures wait here, where they can be dropped
MAX_WAITING = 64 * 1024
# seconds between two key frames that take the place of retransmissions
GIVE_UP_INTERVAL = 1.0
# packets back that a probe may send once more, and the bytes of one that is worth it
PADDING, LARGE = 64, 800
# seconds between two looks at a socket that takes nothing
RETRY_INTERVAL = 0.01


class PictureSource(UnitSource[AccessUnit], Protocol):
    @property
    def flowing(self) -> bool:
        """False while nothing may leave: what waits is dropped, but for a picture that has begun to
        leave.
        """

    def skip(self, units: int, *, keyframe_follows: bool) -> None:
        """So many were dropped on their way. Unless a key frame waits behind them, the next unit
        must be one.
        """

    def request_keyframe(self) -> None: ...


class PacedVideoStream(RtpStream[AccessUnit]):
    """Retransmissions first, then pictures in order, no faster than the pacer of `adaptation`
    allows.

    A picture that fits leaves at once. What waits too long is dropped up to the next key frame.
    Where more is asked for again than the budget holds, a queue on the way has overflowed: a key
    frame is the smaller burden and comes sooner.
    """

    def __init__(
        self,
        rtp: RtpSender,
        source: PictureSource,
        packetize: Callable[[bytes], list[bytes]],
        adaptation: BitrateAdaptation,
    ) -> None:
        super().__init__(rtp, source, packetize, VIDEO_CLOCK_RATE, adaptation)
        self._pictures = source
        self._adaptation = adaptation
        self._pacer = adaptation.pacer
        adaptation.let_drain = self._let_drain
        # bounded by the pacer's budget
        self._resends: deque[SentPacket] = deque()
        self._gave_up_at = float("-inf")
        # on the wire, resent ones included
        self._octets = 0
        self._timer: asyncio.TimerHandle | None = None
        self._repair: asyncio.TimerHandle | None = None
        self._stopped = False
        self._probe = ProbeBurst(self._pad, lambda: self._octets)
        # large enough to be worth sending again
        self._padding: list[SentPacket] = []

    def _send(self, unit: AccessUnit, payloads: list[bytes]) -> None:
        now, size = time.monotonic(), sum(map(len, payloads))
        free = self._rtp.unsent() <= MAX_WAITING and not self._resends
        if self._pacer.admit(now, unit, size, free=free):
            self._emit(unit, payloads, ends=True)
        else:
            if not self._pacer.put(now, unit, payloads, size):
                # once the one on its way has left, another is asked for
                self._pictures.skip(1, keyframe_follows=True)
            if self._timer is None:
                self._pump()
        self._adaptation.sent(self._octets)
        self._send_probe()

    def _resend(self, packet: SentPacket, now: float) -> bool:
        if self._stopped:
            return False
        if not self._pacer.grant_resend(now, len(packet.payload)):
            self._give_up(now)
            return False
        self._resends.append(packet)
        if self._timer is None:
            self._pump()
        return True

    def _let_drain(self, seconds: float) -> None:
        """A long queue stands on the way: what is sent now would only be late, and lengthen it."""
        if not self._stopped:
            self._give_up(time.monotonic(), seconds)

    def _give_up(self, now: float, pause: float = OVERFLOW_PAUSE) -> None:
        """Forget what was sent so far, and send nothing that needs it: a key frame repairs it
        all.
        """
        if now - self._gave_up_at < GIVE_UP_INTERVAL:
            return
        self._gave_up_at = now
        self._resends.clear()
        self._forget()
        self._pictures.skip(len(self._pacer.recover()), keyframe_follows=False)
        self._adaptation.expect_keyframe(now + pause)
        self._repair = asyncio.get_running_loop().call_later(pause, self._pictures.request_keyframe)

    def _stop(self) -> None:
        self._stopped = True
        self._resends.clear()
        self._pacer.clear()
        self._probe.stop()
        for timer in (self._timer, self._repair):
            if timer is not None:
                timer.cancel()
        self._timer = None

    def _pump(self) -> None:
        """Send what may leave, and come back for the rest."""
        self._timer = None
        try:
            unsent = self._rtp.unsent()
        except ConnectionError:
            # the loop that reads the source ends with its next picture
            self._stop()
            return
        if not self._pictures.flowing:
            self._pacer.stop()
        now = time.monotonic()
        blocked = unsent > MAX_WAITING
        if not blocked:
            self._drain(now)
        dropped = self._pacer.drop_stale(now)
        if dropped:
            keyframe_follows = self._pacer.backlog > 0
            self._pictures.skip(len(dropped), keyframe_follows=keyframe_follows)
            if not keyframe_follows:
                self._pictures.request_keyframe()
        if self._resends or self._pacer.backlog:
            wait = RETRY_INTERVAL if blocked else self._pacer.wait(now)
            self._timer = asyncio.get_running_loop().call_later(wait, self._pump)

    def _drain(self, now: float) -> None:
        while self._resends and self._pacer.has_room(now):
            packet = self._resends.popleft()
            self._emit_again(packet)
            self._pacer.resent(len(packet.payload))
        while (chunk := self._pacer.take(now)) is not None:
            self._emit(chunk.unit, chunk.payloads, ends=chunk.ends)
        if self._pacer.skip_gap():
            self._pictures.skip(0, keyframe_follows=False)
            self._pictures.request_keyframe()

    # --- probes

    def _send_probe(self) -> None:
        """Packets of the last pictures once more, where what is resent has a stream of its own (RFC
        4588): nobody takes them for anything.
        """
        busy = self._probe.running or self._resends or self._pacer.backlog or self._stopped
        if busy or self._rtp.rtx is None:
            return
        probe = self._adaptation.take_probe()
        if probe is None:
            return
        self._padding = self._latest()
        if self._padding:
            self._adaptation.probe(begins=True)
            self._probe.start(probe, lambda: self._adaptation.probe(begins=False))

    def _latest(self) -> list[SentPacket]:
        numbers = (self._sequence_number - 1 - back & 0xFFFF for back in range(PADDING))
        found = ((number, self._history[number % HISTORY_SIZE]) for number in numbers)
        return [
            SentPacket(number, *sent)
            for number, sent in found
            if sent is not None and len(sent[1]) >= LARGE
        ]

    def _pad(self) -> int:
        packet = self._padding.pop(0)
        self._padding.append(packet)
        try:
            return self._count_again(self._rtp.resend(self._as_rtx(packet)))
        except ConnectionError:
            return 0

    # --- what leaves

    def _emit(self, unit: AccessUnit, payloads: Sequence[bytes], *, ends: bool) -> int:
        number = self._transport_number
        size = super()._emit(unit, payloads, ends=ends)
        self._octets += size
        self._adaptation.left(self._sequence_number - 1, size)
        if self._numbers_packets:
            header = (size - sum(map(len, payloads))) // len(payloads)
            self._adaptation.numbered(number, [len(payload) + header for payload in payloads])
        return size

    def _emit_again(self, packet: SentPacket) -> int:
        return self._count_again(super()._emit_again(packet))

    def _count_again(self, size: int) -> int:
        self._octets += size
        self._adaptation.resent(size)
        if self._numbers_packets:
            self._adaptation.numbered(self._transport_number - 1 & 0xFFFF, [size])
        return size
