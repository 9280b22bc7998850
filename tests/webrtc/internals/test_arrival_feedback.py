"""Feedback on what we receive: what it tells is what arrived, by the reader that we have."""

from __future__ import annotations

import inspect
import random
import struct
from collections.abc import Iterable

import pytest
from aiortc import RTCPeerConnection, RTCRtpReceiver
from hypothesis import example, given
from hypothesis import strategies as st

from agent.webrtc.internals.arrival_feedback import (
    MAX_ARRIVED,
    MAX_FEEDBACKS,
    MAX_MISSING,
    MAX_WAITING,
    ArrivalFeedback,
)
from agent.webrtc.internals.rtcp_reader import read_compound
from agent.webrtc.internals.transport_wide import MAX_TOLD, TransportFeedback
from tests.webrtc.calls import Call
from tests.webrtc.pairs import closing, until

OURS, THEIRS = 1, 2
QUARTER = 0.000_25
# an Ethernet's datagram without the headers of IPv6, UDP and SRTP
MTU = 1500 - 40 - 8 - 14


def read(packets: Iterable[bytes]) -> list[TransportFeedback]:
    """What the remote peer reads of them, as one compound."""
    packets = list(packets)
    assert all(len(packet) <= MTU for packet in packets)
    found = list(read_compound(b"".join(packets)))
    assert len(found) == len(packets)
    feedbacks = [each for each in found if isinstance(each, TransportFeedback)]
    assert len(feedbacks) == len(found)
    return feedbacks


def told(feedbacks: Iterable[TransportFeedback]) -> dict[int, float | None]:
    """Of each number when it arrived; each is told of once."""
    found: dict[int, float | None] = {}
    for feedback in feedbacks:
        for place, at in enumerate(feedback.arrivals):
            number = (feedback.first + place) & 0xFFFF
            assert number not in found
            found[number] = at
    return found


def assert_arrived(found: dict[int, float | None], sent: dict[int, float]) -> None:
    """Those of `sent`, by a clock whose origin is the first of them."""
    assert {number for number, at in found.items() if at is not None} == set(sent)
    origin = next(iter(sent.values()))
    # the reference time has 24 bits of 64 ms
    wrap = (1 << 24) * 0.064
    for number, at in sent.items():
        arrived = found[number]
        assert arrived is not None
        assert (arrived - (at - origin) + 1) % wrap - 1 == pytest.approx(0, abs=QUARTER)


@given(
    first=st.integers(0, 0xFFFF),
    # of each packet: how many are missing before it, and how long after the one before it came
    steps=st.lists(
        st.tuples(
            st.sampled_from([0, 0, 0, 1, 2, 7, 14, 100, MAX_MISSING]),
            st.sampled_from([0.0, 0.0001, 0.005, 0.0637, 0.064, 0.0641, 0.5, 9.0]),
        ),
        max_size=30,
    ),
    seed=st.integers(0, 99),
    shuffled=st.booleans(),
)
def test_arrival_feedback_tells_what_arrived(
    first: int, steps: list[tuple[int, float]], seed: int, *, shuffled: bool
) -> None:
    feedback, number, at = ArrivalFeedback(), first, 100.0
    arrivals = [(number, at)]
    for missing, later in steps:
        if number + missing + 1 - first > 5_000:
            break
        number, at = number + missing + 1, at + later
        arrivals.append((number, at))
    if shuffled:
        numbers = [each for each, _ in arrivals]
        # neighbors: what is very late is another matter
        for place in range(0, len(numbers) - 3, 4):
            some = numbers[place + 1 : place + 4]
            random.Random(seed).shuffle(some)
            if max(some) - min(some) < MAX_MISSING // 2:
                numbers[place + 1 : place + 4] = some
        arrivals = [(each, when) for each, (_, when) in zip(numbers, arrivals, strict=True)]
    for each, when in arrivals:
        feedback.note(each & 0xFFFF, when)
    found = told(read(feedback.take(OURS, THEIRS)))
    assert_arrived(found, {each & 0xFFFF: when for each, when in arrivals})
    # and nothing of it twice, while all that is missing between is named
    assert read(feedback.take(OURS, THEIRS)) == []
    gaps = set(range(first, max(each for each, _ in arrivals)))
    assert {each & 0xFFFF for each in gaps} <= set(found)


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.floats(-9e9, 9e9)), max_size=MAX_FEEDBACKS))
@example([(0, 0.0), (0x8000, 0.0), (0, 0.0)])
@example([(40_000, 0.0), (0, 0.0), (40_001, 0.0), (40_000 + MAX_MISSING + 3, 0.0)])
def test_arrival_feedback_of_any_numbers_can_be_read(
    packets: list[tuple[int, float]],
) -> None:
    feedback = ArrivalFeedback()
    for number, at in packets:
        feedback.note(number, at)
    found = read(feedback.take(OURS, THEIRS))
    arrived = {
        (each.first + place) & 0xFFFF
        for each in found
        for place, at in enumerate(each.arrivals)
        if at is not None
    }
    assert arrived == {number for number, _ in packets}
    assert all(0 < len(each.arrivals) <= MAX_TOLD for each in found)
    assert all(each.arrivals[-1] is not None for each in found)


def test_arrival_feedback_goes_on_where_it_ended() -> None:
    feedback = ArrivalFeedback()
    feedback.note(65_534, 1.0)
    assert told(read(feedback.take(OURS, THEIRS))) == {65_534: 0.0}
    feedback.note(1, 1.5)
    found = told(read(feedback.take(OURS, THEIRS)))
    assert found == {65_535: None, 0: None, 1: 0.5}


def test_arrival_feedback_of_what_comes_late_names_nothing_beside_it() -> None:
    feedback = ArrivalFeedback()
    for number in (10, 20):
        feedback.note(number, 1.0)
    feedback.take(OURS, THEIRS)
    for number in (12, 15, 16, 22):
        feedback.note(number, 2.0)
    found = [(each.first, each.arrivals) for each in read(feedback.take(OURS, THEIRS))]
    assert found == [(12, [1.0]), (15, [1.0, 1.0]), (21, [None, 1.0])]


def test_arrival_feedback_of_another_numbering_begins_anew() -> None:
    feedback = ArrivalFeedback()
    for number in (10, 11, 30_000, 30_002):
        feedback.note(number, 1.0)
    found = [(each.first, each.arrivals) for each in read(feedback.take(OURS, THEIRS))]
    assert found == [(10, [0.0, 0.0]), (30_000, [0.0, None, 0.0])]
    feedback.note(30_003, 1.0)
    assert told(read(feedback.take(OURS, THEIRS))) == {30_003: 0.0}


def test_arrival_feedback_counts_its_packets_and_is_short() -> None:
    feedback, counts = ArrivalFeedback(), []
    for number in range(300):
        # 40 packets of a picture, at once
        for place in range(40):
            feedback.note((40 * number + place) & 0xFFFF, number / 30)
        (packet,) = feedback.take(OURS, THEIRS)
        counts.append(packet[19])
        # the header, a run, a delta of a byte each
        assert len(packet) <= 20 + 4 + 40 + 4
        assert struct.unpack_from("!LL", packet, 4) == (OURS, THEIRS)
    assert counts == [number & 0xFF for number in range(300)]


def test_arrival_feedback_holds_no_more_than_its_bound() -> None:
    feedback = ArrivalFeedback()
    for number in range(MAX_WAITING + 100):
        feedback.note(number, 0.0)
    found = read(feedback.take(OURS, THEIRS))
    assert sum(len(each.arrivals) for each in found) == MAX_WAITING
    assert len(found) == MAX_WAITING // MAX_ARRIVED
    feedback.note(MAX_WAITING + 100, 1.0)
    (last,) = read(feedback.take(OURS, THEIRS))
    assert last.arrivals == [None] * 100 + [1.0]


def test_arrival_feedback_on_numbers_without_order_is_bounded() -> None:
    feedback = ArrivalFeedback()
    for number in range(MAX_WAITING):
        feedback.note(number * 30_000 & 0xFFFF, 0.0)
    assert len(read(feedback.take(OURS, THEIRS))) == MAX_FEEDBACKS
    assert feedback.take(OURS, THEIRS) == []


# --- on the wire


@pytest.fixture
def call(clip: list[bytes], sound: list[bytes]) -> Call:
    return Call(clip, sound)


@pytest.mark.media
async def test_arrival_feedback_takes_the_place_of_estimates(call: Call) -> None:
    async with closing(call.device, call.caller):
        await call.connect()
        sender = call.device.peer._media._video_sender
        assert sender is not None
        transport = sender._adaptation._controller._signals.delay_based.transport
        await until(lambda: transport.newest_told > 30)
        assert call.sent().remote_bitrate_estimate is None


@pytest.mark.media
async def test_arrival_feedback_ends_with_the_receiver(call: Call) -> None:
    async with closing(call.device, call.caller):
        await call.connect()
        receiver = call.receiver
        task = receiver._RTCRtpReceiver__rtcp_task  # type: ignore[attr-defined]
        assert not task.done()
        await receiver.stop()
        await until(task.done)
        assert task.exception() is None


async def test_arrival_feedback_finds_the_names_of_aiortc(pc: RTCPeerConnection) -> None:
    receiver = pc.getReceivers()[0]
    assert hasattr(receiver, "_RTCRtpReceiver__rtcp_ssrc")
    assert inspect.iscoroutinefunction(receiver._run_rtcp)
    source = inspect.getsource(RTCRtpReceiver)
    assert "asyncio.ensure_future(self._run_rtcp())" in source
    assert "if packet.extensions.abs_send_time is not None:" in source
    await pc.close()
