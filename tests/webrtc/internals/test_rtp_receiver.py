"""The contract with aiortc's receiver: each private name that is used, and what it does."""

from __future__ import annotations

import inspect
import re
import struct
import threading
from typing import Any

import pytest
from aiortc import RTCPeerConnection, RTCRtpReceiver
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtcrtpreceiver import NackGenerator
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTP_HISTORY_SIZE,
    RtcpPsfbPacket,
    RtpPacket,
    pack_remb_fci,
    wrap_rtx,
)
from hypothesis import example, given
from hypothesis import strategies as st

from agent.core.call.events import PeerLost
from agent.webrtc.internals.rtp_receiver import MAX_SOURCES, ReceiverTap, _BoundedNacks
from tests.faults.fuzz.test_work import work
from tests.webrtc.calls import Call
from tests.webrtc.pairs import closing, until


async def test_rtp_receiver_finds_the_names_of_aiortc(pc: RTCPeerConnection) -> None:
    receiver = pc.getReceivers()[0]
    for name in (
        "codecs",
        "decoder_error",
        "decoder_queue",
        "decoder_thread",
        "jitter_buffer",
        "kind",
        "nack_generator",
        "remote_streams",
        "rtcp_task",
        "rtx_ssrc",
        "started",
    ):
        assert hasattr(receiver, f"_RTCRtpReceiver__{name}"), name
    assert list(inspect.signature(receiver._handle_rtp_packet).parameters) == [
        "packet",
        "arrival_time_ms",
    ]
    assert list(inspect.signature(receiver._send_rtcp_nack).parameters) == ["media_ssrc", "lost"]
    assert list(inspect.signature(receiver._send_rtcp_pli).parameters) == ["media_ssrc"]
    source = inspect.getsource(type(receiver))
    assert "self.__decoder_queue.put((codec, encoded_frame))" in source
    assert "self.__decoder_queue.put(None)" in source
    # all that the thread is asked for
    assert source.count("self.__decoder_thread.") == 2
    assert "self.__decoder_thread.start()" in source
    assert "self.__decoder_thread.join()" in source
    assert "pli_flag, encoded_frame = self.__jitter_buffer.add(packet)" in source
    buffer = JitterBuffer(4)
    assert (buffer.capacity, buffer._packets, buffer._origin) == (4, [None] * 4, None)
    assert "self._remove_frame(packet.sequence_number)" in inspect.getsource(JitterBuffer.add)
    await pc.close()


async def test_rtp_receiver_starts_as_aiortcs_does_without_its_thread(call: Call) -> None:
    """Each of them held up the first picture by some milliseconds, and none had anything to do."""
    # what of itself it touches, in its order; all but the names of the thread are ours too
    assert list(
        dict.fromkeys(re.findall(r"self\.(\w+)", inspect.getsource(RTCRtpReceiver.receive)))
    ) == [
        "__started",
        "__codecs",
        "__rtx_ssrc",
        "__decoder_thread",
        "__kind",
        "__decoder_queue",
        "_track",
        "__decoder_error",
        "__transport",
        "__rtcp_task",
        "_run_rtcp",
    ]
    async with closing(call.device, call.caller):
        await call.connect()
        assert [each.name for each in threading.enumerate() if "decoder" in each.name] == []
        receiver = vars(call.receiver)
        assert receiver["_RTCRtpReceiver__started"]
        assert receiver["_RTCRtpReceiver__codecs"]
        assert receiver["_RTCRtpReceiver__rtx_ssrc"]


@given(st.lists(st.integers(0, 65_535), max_size=20))
@example([0, 128, 129, 257, 258])
@example([65_500, 100, 32_800, 40, 32_900])
def test_bounded_nacks_miss_what_aiortcs_do(numbers: list[int]) -> None:
    ours, theirs = _BoundedNacks(), NackGenerator()
    for number in numbers:
        packet = RtpPacket(sequence_number=number)
        before = ours.max_seq
        assert ours.add(packet) == theirs.add(packet)
        assert ours.max_seq == theirs.max_seq
        # of what lies 32,768 back, aiortc cannot tell whether it is old
        if before is None or abs(number - before) < 30_000:
            assert ours.missing <= theirs.missing
        assert len(ours.missing) <= RTP_HISTORY_SIZE


def test_bounded_nacks_of_a_jump_walk_over_few_numbers() -> None:
    nacks = _BoundedNacks()
    for number in range(200):
        packet = RtpPacket(sequence_number=number * 32_000 % 65_536)
        assert work(nacks.add, packet) < 2_500


@pytest.fixture
def call(clip: list[bytes], sound: list[bytes]) -> Call:
    return Call(clip, sound)


async def test_rtp_receiver_of_a_packet_that_cannot_be_read_ends_nothing(call: Call) -> None:
    async with closing(call.device, call.caller):
        await call.connect()
        cut = pack_remb_fci(500_000, [call.ssrc])[:-4]
        remb = RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=call.own_ssrc, media_ssrc=call.ssrc, fci=cut)
        dtls = call.caller.peer._pc.require_dtls()
        abs_send_time = dtls._rtp_header_extensions_map._HeaderExtensionsMap__ids.abs_send_time  # type: ignore[attr-defined]
        # one byte instead of three
        short = bytes([abs_send_time << 4, 9, 0, 0])
        await dtls._send_rtp(bytes(remb))
        await dtls._send_rtp(
            struct.pack("!BBHLLHH", 0x90, 101, 1, 0, call.own_ssrc, 0xBEDE, 1) + short
        )
        await call.receiver._send_rtcp_pli(call.ssrc)
        await until(lambda: call.sent().pli_count == 1 or bool(call.device.of(PeerLost)))
        assert not call.device.of(PeerLost)


H264, RTX = 102, 103
UNIT = b"\x41\x9a\x00"


class Assembled:
    """A receiver whose packets come here."""

    def __init__(self, receiver: Any) -> None:
        self.packets: list[Any] = []
        self.tap = ReceiverTap(receiver, lambda: None, assembler=self)
        self._receiver = receiver
        self._receiver._enabled = True
        self._receiver._RTCRtpReceiver__codecs = {
            H264: RTCRtpCodecParameters("video/H264", 90_000, payloadType=H264),
            RTX: RTCRtpCodecParameters(
                "video/rtx", 90_000, payloadType=RTX, parameters={"apt": H264}
            ),
        }

    def add(self, now: float, packet: Any) -> bool:
        assert now > 0
        self.packets.append(packet)
        return False

    @property
    def numbers(self) -> list[tuple[int, int]]:
        return [(packet.ssrc, packet.sequence_number) for packet in self.packets]

    async def send(self, ssrc: int, number: int, payload: bytes = UNIT) -> None:
        packet = RtpPacket(payload_type=H264, sequence_number=number, ssrc=ssrc, payload=payload)
        await self._receiver._handle_rtp_packet(packet, 0)

    async def resend(self, by: int, ssrc: int, number: int) -> None:
        lost = RtpPacket(payload_type=H264, sequence_number=number, ssrc=ssrc, payload=UNIT)
        await self._receiver._handle_rtp_packet(wrap_rtx(lost, RTX, 1, by), 0)


@pytest.mark.parametrize(
    "described",
    [{}, {7: 3}, {2: 1}, {1: 2}],
    ids=["no sources", "others", "these", "the other way round"],
)
async def test_rtp_receiver_takes_what_is_resent_whatever_sources_were_described(
    described: dict[int, int], pc: RTCPeerConnection
) -> None:
    """By a gateway that describes none, or a page that sends three sizes."""
    receiver: Any = pc.getReceivers()[0]
    receiver._RTCRtpReceiver__rtx_ssrc.update(described)
    assembled = Assembled(receiver)
    await assembled.send(1, 10)
    await assembled.send(1, 12)
    await assembled.resend(2, 1, 11)
    assert assembled.numbers == [(1, 10), (1, 12), (1, 11)]
    assert len(assembled.tap.streams) == 1
    await assembled.send(5, 100)
    await assembled.resend(2, 5, 101)
    assert assembled.numbers[3:] == [(5, 100), (5, 101)]
    await pc.close()


async def test_rtp_receiver_of_what_is_resent_first_knows_not_of_whom(
    pc: RTCPeerConnection,
) -> None:
    assembled = Assembled(pc.getReceivers()[0])
    await assembled.resend(2, 1, 11)
    assert assembled.numbers == []
    await pc.close()


@pytest.mark.parametrize("unit", [b"\x0a", b"\x0b", b"\x00more", b"\x1emore", b"\x7fmore"])
async def test_rtp_receiver_takes_units_that_mean_nothing_for_no_loss(
    unit: bytes, pc: RTCPeerConnection
) -> None:
    """RFC 6184 5.4: they are ignored, not what comes with them."""
    assembled = Assembled(pc.getReceivers()[0])
    for number, payload in enumerate((UNIT, unit, UNIT)):
        await assembled.send(1, number, payload)
    assert [bool(packet._data) for packet in assembled.packets] == [True, False, True]
    assert assembled.tap.bytes_received == 2 * len(UNIT) + len(unit)
    await pc.close()


async def test_rtp_receiver_hears_as_many_sources_as_a_report_names(pc: RTCPeerConnection) -> None:
    """As of a gateway that is put on hold again and again; one more is refused."""
    assembled = Assembled(pc.getReceivers()[0])
    for ssrc in range(1, MAX_SOURCES + 2):
        await assembled.send(ssrc, 10)
    assert MAX_SOURCES == 31
    assert [ssrc for ssrc, _ in assembled.numbers] == [*range(1, MAX_SOURCES + 1)]
    await pc.close()
