"""When packets may leave: by rule, and for the key frames and queues that the rules are made
for.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.ports import AccessUnit
from agent.webrtc.sending import pacing
from agent.webrtc.sending.pacing import PicturePacer

PAYLOAD = 1200
FRAME = 1 / 30
TARGET = 2_000_000


def unit(number: int = 0, *, key: bool = False) -> AccessUnit:
    return AccessUnit(b"", key, number * 3000, 0.0)


def payloads(size: int) -> list[bytes]:
    return [bytes(min(PAYLOAD, size - at)) for at in range(0, size, PAYLOAD)]


class Run:
    """A pacer, and everything that it let leave: (time, unit, bytes, whether the unit ends)."""

    def __init__(self, target: int = TARGET) -> None:
        self.pacer = PicturePacer(target)
        self.now = 0.0
        self.left: list[tuple[float, AccessUnit, int, bool]] = []

    def put(self, size: int, *, key: bool = False, number: int = 0) -> AccessUnit:
        made = unit(number, key=key)
        if self.pacer.admit(self.now, made, size):
            self.left.append((self.now, made, size, True))
        else:
            self.pacer.put(self.now, made, payloads(size), size)
        return made

    def drain(self) -> None:
        while (chunk := self.pacer.take(self.now)) is not None:
            self.left.append((self.now, chunk.unit, sum(map(len, chunk.payloads)), chunk.ends))

    def until(self, end: float) -> None:
        """Let time pass as a sender does: take, wait, take."""
        self.drain()
        while self.pacer.backlog and self.now + (wait := self.pacer.wait(self.now)) <= end:
            self.now += wait
            self.drain()
        self.now = end

    def play(self, frames: int, size: int) -> None:
        """Pictures of one size at 30 fps."""
        for number in range(frames):
            self.put(size, number=number)
            self.until(self.now + FRAME)

    def bytes_between(self, start: float, end: float) -> int:
        return sum(size for at, _, size, _ in self.left if start <= at < end)

    def peak(self, seconds: float) -> float:
        """bit/s, the most in any such time that begins with a packet."""
        return max(8 * self.bytes_between(at, at + seconds) / seconds for at, _, _, _ in self.left)


def test_picture_pacer_picture_of_usual_size_leaves_at_once() -> None:
    run = Run()
    for _ in range(30):
        run.put(TARGET // 8 // 30)
        run.drain()
        assert run.pacer.backlog == 0
        run.now += FRAME


def test_picture_pacer_large_key_frame_fits_a_slow_uplink() -> None:
    """200 kB into a queue of 75 kB in front of 2 Mbit/s."""
    run = Run()
    run.put(200_000, key=True)
    run.until(2.0)
    queue = longest = 0.0
    last = 0.0
    for at, _, size, _ in run.left:
        queue = max(0.0, queue - (at - last) * 2e6 / 8) + size * 1.06
        longest, last = max(longest, queue), at
    assert longest < 75_000
    assert sum(size for _, _, size, _ in run.left) == 200_000
    assert run.left[-1][0] <= pacing.DRAIN_TIME + 0.05


def test_picture_pacer_last_packet_of_a_key_frame_waits_for_no_burst() -> None:
    """The rest of a small one is less than what the longest wait makes room for."""
    run, burst, rest = Run(), pacing.BURST_TIME * TARGET / 8, 3 * PAYLOAD
    run.put(round(burst) + rest, key=True)
    run.until(1.0)
    assert run.left[-1][3]
    assert run.left[-1][0] <= rest * 8 / (pacing.PACING_FACTOR * TARGET)
    assert run.left[-1][0] < 0.75 * pacing.LONGEST_WAIT


@pytest.mark.parametrize("target", [250_000, 1_000_000, 4_000_000, 8_000_000])
def test_picture_pacer_key_frame_leaves_in_time_at_any_target(target: int) -> None:
    run = Run(target)
    run.put(200_000, key=True)
    run.until(2.0)
    assert run.left[-1][0] <= pacing.DRAIN_TIME + 0.1
    assert not run.pacer.backlog


def test_picture_pacer_bursts_are_short() -> None:
    run = Run()
    run.put(200_000, key=True)
    run.until(1.0)
    assert run.bytes_between(0.0, 0.004) <= pacing.BURST_TIME * TARGET / 8 + PAYLOAD
    assert max(size for at, _, size, _ in run.left if at > 0) <= 10 * PAYLOAD


def test_picture_pacer_source_that_does_not_obey_is_not_held_back() -> None:
    """4 Mbit/s from a clip whose target is 500 kbit/s."""
    run = Run(500_000)
    run.play(90, 16_000)
    late = [
        at - number * FRAME
        for number, (at, _, _, ends) in enumerate(e for e in run.left if e[3])
        if ends
    ]
    assert max(late[60:]) < 0.02
    assert run.pacer.backlog < 16_000


def test_picture_pacer_where_the_target_is_strict_what_is_too_much_for_it_is_dropped() -> None:
    """2 Mbit/s of an encoder that does not follow, a key frame for each that is asked for, a target
    of 500 kbit/s.
    """
    run = Run(500_000)
    run.pacer = PicturePacer(500_000, strict=True)
    key = True
    for number in range(600):
        if key or number % 300 == 0:
            run.put(30_000, key=True, number=number)
            key = False
        else:
            run.put(8_000, number=number)
        run.until(run.now + FRAME)
        key = bool(run.pacer.drop_stale(run.now)) and run.pacer.backlog == 0
        assert run.pacer.backlog < 400_000
    sent = run.bytes_between(0.0, run.now) * 8 / run.now
    assert 0.5 * 500_000 < sent < 1.05 * pacing.PACING_FACTOR * 500_000
    assert len([1 for _, each, _, ends in run.left if ends and each.keyframe]) > 5


def test_picture_pacer_where_the_target_is_strict_a_key_frame_on_its_way_arrives() -> None:
    run = Run()
    run.pacer = PicturePacer(250_000, strict=True)
    run.put(200_000, key=True)
    while run.pacer.backlog:
        run.until(run.now + 0.1)
        assert run.pacer.drop_stale(run.now) == []
    assert run.now == pytest.approx(200_000 * 8 / (pacing.PACING_FACTOR * 250_000), abs=0.5)


def test_picture_pacer_nothing_piles_up_behind_a_key_frame_that_takes_long() -> None:
    """A viewer on 62 kbit/s that nobody waits for, beside an encoder that makes 4 Mbit/s for the
    others.
    """
    run = Run()
    run.pacer = PicturePacer(62_000, strict=True)
    key = run.put(200_000, key=True)
    lost: list[AccessUnit] = []
    number = 0
    while run.pacer.backlog:
        run.until(run.now + FRAME)
        number += 1
        # another viewer asked for one
        made = unit(number, key=number == 100)
        if not run.pacer.admit(run.now, made, 16_000) and not run.pacer.put(
            run.now, made, payloads(16_000), 16_000
        ):
            lost.append(made)
        lost += run.pacer.drop_stale(run.now)
        # half a second of pictures
        assert run.pacer.backlog < 200_000 + 16 * 16_000
        assert run.pacer.skip_gap() is not bool(run.pacer.backlog)
    assert [each for _, each, _, ends in run.left if ends] == [key]
    assert sorted(each.pts for each in lost) == [3000 * at for at in range(1, number + 1)]
    assert not run.pacer.skip_gap()


def test_picture_pacer_what_the_socket_does_not_take_is_dropped_to_the_next_key_frame() -> None:
    run = Run()
    for number in range(20):
        assert not run.pacer.admit(run.now, unit(number), 5_000, free=False)
        run.pacer.put(run.now, unit(number), payloads(5_000), 5_000)
        run.now += FRAME
    assert run.pacer.drop_stale(run.now)
    assert run.pacer.backlog == 0
    assert run.pacer.drop_stale(run.now) == []


def test_picture_pacer_key_frame_in_the_queue_is_where_it_goes_on() -> None:
    run = Run()
    # the bucket is full
    run.pacer.resent(10_000)
    old = [run.put(5_000, number=0), run.put(5_000, number=1)]
    run.now = 0.4
    key, after = run.put(5_000, key=True, number=2), run.put(5_000, number=3)
    run.now = pacing.STALE_AFTER + 0.01
    assert run.pacer.drop_stale(run.now) == old
    assert run.pacer.backlog == 10_000
    run.until(1.0)
    assert [each for _, each, _, ends in run.left if ends] == [key, after]


def test_picture_pacer_waiting_behind_a_key_frame_is_not_staleness() -> None:
    run = Run(500_000)
    run.put(200_000, key=True)
    for number in range(1, 30):
        run.until(number * FRAME)
        run.put(2_000, number=number)
        assert run.pacer.drop_stale(run.now) == []
    run.until(3.0)
    assert len([1 for *_, ends in run.left if ends]) == 30


def test_picture_pacer_what_has_begun_to_leave_is_not_broken_off() -> None:
    run = Run()
    begun = run.put(50_000, key=True)
    run.drain()
    run.put(5_000, number=1)
    run.pacer.stop()
    run.until(1.0)
    assert [each for _, each, _, ends in run.left if ends] == [begun]
    assert sum(size for _, _, size, _ in run.left) == 50_000
    assert run.pacer.backlog == 0
    run.pacer.resent(60_000)
    run.put(5_000, number=2)
    run.pacer.stop()
    assert run.pacer.backlog == 0


def test_picture_pacer_age_of_the_queue() -> None:
    run = Run()
    assert run.pacer.oldest_age(1.0) == 0.0
    run.put(100_000, key=True)
    run.drain()
    assert run.pacer.oldest_age(0.25) == 0.25
    run.pacer.clear()
    assert (run.pacer.backlog, run.pacer.oldest_age(0.3)) == (0, 0.0)


def test_picture_pacer_retransmissions_have_a_budget() -> None:
    pacer = PicturePacer(TARGET)
    burst = max(pacing.MIN_RESEND_BURST, pacing.RESEND_BURST_TIME * TARGET / 8)
    granted = sum(pacer.grant_resend(0.0, PAYLOAD) for _ in range(200))
    assert granted == burst // PAYLOAD
    later = sum(pacer.grant_resend(1 + number / 200, PAYLOAD) for number in range(200))
    assert later * PAYLOAD <= burst + pacing.RESEND_SHARE * TARGET / 8


def test_picture_pacer_random_loss_of_a_tenth_is_within_the_budget() -> None:
    pacer = PicturePacer(TARGET)
    packets = TARGET / 8 / PAYLOAD
    assert all(pacer.grant_resend(number / (0.12 * packets), PAYLOAD) for number in range(200))


def test_picture_pacer_what_is_resent_takes_the_room_of_pictures() -> None:
    run = Run()
    run.pacer.resent(60_000)
    assert not run.pacer.has_room(0.0)
    run.put(1_000)
    run.drain()
    assert run.left == []
    run.until(1.0)
    assert len(run.left) == 1


def test_picture_pacer_after_an_overflow_it_goes_slowly_until_a_key_frame_has_left() -> None:
    run = Run()
    run.play(30, 8_000)
    waiting = run.put(60_000)
    assert run.pacer.recover() == [waiting]
    assert run.pacer.backlog == 0
    run.now += pacing.OVERFLOW_PAUSE
    start = run.now
    run.put(130_000, key=True)
    run.until(start + 2)
    slowly = pacing.RECOVERY_FACTOR * TARGET / 8
    room = pacing.OVERFLOW_PAUSE * slowly
    ended = next(at for at, each, _, ends in run.left if each.keyframe and ends)
    assert room <= run.bytes_between(start, start + 0.001) <= room + PAYLOAD
    assert ended - start == pytest.approx((130_000 - room) / slowly, abs=pacing.LONGEST_WAIT)
    run.put(8_000)
    run.drain()
    assert run.pacer.backlog == 0


@given(
    sizes=st.lists(
        st.tuples(st.integers(1, 60_000), st.booleans(), st.floats(0.0, 0.2)), max_size=30
    ),
    target=st.integers(100_000, 20_000_000),
)
def test_picture_pacer_everything_leaves_once_and_in_order(
    sizes: list[tuple[int, bool, float]], target: int
) -> None:
    run = Run(target)
    put = []
    for number, (size, key, wait) in enumerate(sizes):
        made = run.put(size, key=key, number=number)
        put.append(made)
        run.until(run.now + wait)
    run.until(run.now + 10)
    assert run.pacer.backlog == 0
    assert [each for _, each, _, ends in run.left if ends] == put
    assert sum(size for _, _, size, _ in run.left) == sum(size for size, _, _ in sizes)


@given(
    target=st.integers(100_000, 20_000_000), size=st.integers(1, 300_000), age=st.floats(0.0, 5.0)
)
def test_picture_pacer_wait_is_always_bounded(target: int, size: int, age: float) -> None:
    pacer = PicturePacer(target)
    pacer.put(0.0, unit(key=True), payloads(size), size)
    pacer.take(0.0)
    assert pacing.SHORTEST_WAIT <= pacer.wait(age) <= pacing.LONGEST_WAIT
