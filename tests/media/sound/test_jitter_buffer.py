"""When which packet is played: single decisions. What comes of them together is in test_playout."""

from __future__ import annotations

import pytest

from agent.media.sound.delay_estimate import FIRST_JITTER, GUARD
from agent.media.sound.jitter_buffer import (
    CAPACITY,
    JitterBuffer,
    PlayoutAction,
    Step,
)
from agent.media.sound.opus_packet import PAUSE, SILENCE
from agent.ports import ReceivedAudio

SPEECH = b"\x78speech"
START = 1000.0
# of the first packet
TIMESTAMP = 0xFFFFFFFF - 2000


def packet(
    number: int,
    data: bytes = SPEECH,
    *,
    late: float = 0.0,
    ssrc: int = 1,
    sequence: int | None = None,
) -> ReceivedAudio:
    return ReceivedAudio(
        data,
        ssrc,
        (number if sequence is None else sequence) & 0xFFFF,
        (TIMESTAMP + 960 * number) & 0xFFFFFFFF,
        START + 0.02 * number + late,
    )


class Buffer:
    """A jitter buffer that is read each 20 ms, or for what it gave."""

    def __init__(self) -> None:
        self.buffer = JitterBuffer()
        # late enough that the first packet is due
        self.at = START + GUARD + FIRST_JITTER

    def put(self, *packets: ReceivedAudio) -> None:
        for each in packets:
            self.buffer.put(each)

    def next(self) -> Step:
        step = self.buffer.next(self.at)
        self.at += step.samples / 48_000
        return step

    def actions(self, count: int) -> list[PlayoutAction]:
        return [self.next().action for _ in range(count)]


def test_jitter_buffer_without_packets_is_idle() -> None:
    buffer = Buffer()
    assert buffer.buffer.idle
    assert buffer.next().action is PlayoutAction.NOTHING


def test_jitter_buffer_waits_until_the_first_packet_is_due() -> None:
    buffer = JitterBuffer()
    buffer.put(packet(0))
    assert buffer.next(START).action is PlayoutAction.NOTHING
    assert not buffer.idle
    first = buffer.next(START + GUARD + FIRST_JITTER)
    assert (first.action, first.data, first.first) == (PlayoutAction.DECODE, SPEECH, True)


def test_jitter_buffer_puts_packets_in_order_also_where_the_timestamp_wraps() -> None:
    buffer = Buffer()
    buffer.put(*(packet(number, SPEECH + bytes([number])) for number in (0, 2, 1, 4, 3)))
    assert [buffer.next().data[-1] for _ in range(5)] == [0, 1, 2, 3, 4]


def test_jitter_buffer_drops_what_comes_twice_or_too_late() -> None:
    buffer = Buffer()
    buffer.put(packet(0), packet(0), packet(1))
    assert buffer.actions(2) == [PlayoutAction.DECODE] * 2
    buffer.put(packet(0), packet(2))
    assert buffer.actions(2) == [PlayoutAction.DECODE, PlayoutAction.CONCEAL]
    assert buffer.buffer.tally.packets_late == 1


def test_jitter_buffer_fills_a_hole_from_the_packet_behind_it() -> None:
    buffer = Buffer()
    buffer.put(packet(0), packet(2, b"\x78next"))
    steps = [buffer.next() for _ in range(3)]
    assert [step.action for step in steps] == [
        PlayoutAction.DECODE,
        PlayoutAction.RECOVER,
        PlayoutAction.DECODE,
    ]
    assert steps[1].data == steps[2].data == b"\x78next"
    tally = buffer.buffer.tally
    assert (tally.concealed_samples, tally.recovered_samples) == (960, 960)
    assert tally.concealment_events == 1


def test_jitter_buffer_conceals_a_longer_hole() -> None:
    buffer = Buffer()
    buffer.put(packet(0), packet(4))
    assert buffer.actions(5) == [
        PlayoutAction.DECODE,
        PlayoutAction.CONCEAL,
        PlayoutAction.CONCEAL,
        PlayoutAction.RECOVER,
        PlayoutAction.DECODE,
    ]


def test_jitter_buffer_plays_late_what_comes_late() -> None:
    buffer = Buffer()
    buffer.put(packet(0))
    assert buffer.actions(3) == [PlayoutAction.DECODE, PlayoutAction.CONCEAL, PlayoutAction.CONCEAL]
    buffer.put(packet(1, late=0.04))
    assert buffer.actions(1) == [PlayoutAction.DECODE]


def test_jitter_buffer_takes_what_it_made_up_for_what_was_lost() -> None:
    buffer = Buffer()
    buffer.put(packet(0))
    # 20 ms
    assert buffer.actions(3) == [PlayoutAction.DECODE, PlayoutAction.CONCEAL, PlayoutAction.CONCEAL]
    buffer.put(packet(2))
    assert buffer.actions(1) == [PlayoutAction.DECODE]


def test_jitter_buffer_breaks_off_after_120_ms_without_packets() -> None:
    buffer = Buffer()
    buffer.put(packet(0))
    assert buffer.actions(15) == [
        PlayoutAction.DECODE,
        *[PlayoutAction.CONCEAL] * 12,
        PlayoutAction.BREAK_OFF,
        PlayoutAction.NOTHING,
    ]
    assert buffer.buffer.idle


def test_jitter_buffer_that_broke_off_does_not_play_what_was_before() -> None:
    buffer = Buffer()
    buffer.put(packet(0), packet(3))
    while buffer.next().action is not PlayoutAction.BREAK_OFF:
        pass
    buffer.put(packet(1), packet(3, late=0.2))
    assert buffer.buffer.tally.packets_late == 2
    assert set(buffer.actions(5)) == {PlayoutAction.NOTHING}


def test_jitter_buffer_in_a_pause_makes_comfort_noise_without_going_on() -> None:
    buffer = Buffer()
    buffer.put(packet(0), packet(1, PAUSE))
    assert buffer.actions(40) == [PlayoutAction.DECODE, *[PlayoutAction.CONCEAL] * 39]
    assert buffer.buffer.tally.concealed_samples == 0
    buffer.put(packet(20))
    step = buffer.next()
    assert (step.action, step.first) == (PlayoutAction.DECODE, False)


def test_jitter_buffer_of_silence_decodes_the_first_alone() -> None:
    buffer = Buffer()
    buffer.put(*(packet(number, SILENCE) for number in range(3)), packet(3, PAUSE))
    assert buffer.actions(5) == [PlayoutAction.DECODE, *[PlayoutAction.NOTHING] * 4]
    assert buffer.buffer.idle


def test_jitter_buffer_leaves_out_what_exceeds_the_most_delay() -> None:
    buffer = Buffer()
    buffer.put(packet(0))
    buffer.next()
    buffer.put(*(packet(number, late=0.5) for number in range(1, 30)))
    buffer.next()
    tally = buffer.buffer.tally
    assert tally.packets_discarded > 10
    assert buffer.next().action is PlayoutAction.DECODE


def test_jitter_buffer_holds_a_bounded_number_of_packets() -> None:
    buffer = JitterBuffer()
    for number in range(3 * CAPACITY):
        buffer.put(packet(number))
    assert buffer.tally.packets_discarded == 2 * CAPACITY


@pytest.mark.parametrize("ssrc", [1, 2])
def test_jitter_buffer_of_another_stream_fades_and_begins_anew(ssrc: int) -> None:
    """Another source, or a timestamp that cannot belong to this one."""
    buffer = Buffer()
    buffer.put(packet(0), packet(1))
    assert buffer.next().action is PlayoutAction.DECODE
    buffer.put(packet(2, late=-20.0 if ssrc == 1 else 0.0, ssrc=ssrc))
    assert buffer.actions(1) == [PlayoutAction.BREAK_OFF]
    buffer.at += 1
    assert buffer.next().first


def test_jitter_buffer_ignores_what_is_no_packet() -> None:
    buffer = JitterBuffer()
    buffer.put(packet(0, b""))
    assert buffer.idle
