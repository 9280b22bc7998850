"""Transport-wide feedback: agreed on, and read."""

from __future__ import annotations

import inspect
import re
from struct import pack

import pytest
from aiortc import RTCPeerConnection
from hypothesis import given
from hypothesis import strategies as st

from agent.core.call.events import MediaGrant
from agent.ports import IceOptions, LocalStream
from agent.webrtc.internals.transport_wide import (
    MAX_TOLD,
    TRANSPORT_NUMBER,
    offer_feedback,
    read_feedback,
)
from tests.webrtc import compounds
from tests.webrtc.calls import Call
from tests.webrtc.feeds import ClipFeed, SoundFeed
from tests.webrtc.offers import BROWSER_OFFER
from tests.webrtc.pairs import Side, closing, until

OURS, THEIRS = 1, 2
# seconds of the reference time that `compounds` writes
REFERENCE = 6.4
QUARTERS = st.integers(0, 8000).map(lambda quarters: quarters / 4000)


def feedback(message: bytes) -> bytes:
    return compounds.packet(205, 15, pack("!LL", OURS, THEIRS) + message)


@given(st.integers(0, 65_535), st.lists(st.none() | QUARTERS, min_size=1, max_size=60))
def test_transport_wide_reads_when_each_packet_arrived(
    first: int, arrivals: list[float | None]
) -> None:
    found = read_feedback(compounds.transport_feedback(OURS, THEIRS, first, arrivals))
    assert found.first == first
    expected = [None if at is None else pytest.approx(REFERENCE + at) for at in arrivals]
    assert found.arrivals == expected


def test_transport_wide_reads_runs_and_single_bits() -> None:
    # three that are lost, two in time, then bits: yes, no, yes
    chunks = pack("!HHH", 3, 1 << 13 | 2, 0x8000 | 0b101 << 11)
    message = pack("!HHL", 7, 8, 100 << 8) + chunks + bytes([4, 0, 4, 8]) + bytes(2)
    found = read_feedback(feedback(message))
    at = [pytest.approx(REFERENCE + quarters / 4000) for quarters in (4, 4, 8, 16)]
    assert found.arrivals == [None, None, None, at[0], at[1], at[2], None, at[3]]


@pytest.mark.parametrize(
    "message",
    [
        b"",
        # eight packets, and no chunk
        pack("!HHL", 7, 8, 0),
        # one that arrived, and no delta
        pack("!HHLH", 7, 1, 0, 1 << 13 | 1),
        pack("!HHLH", 7, 1, 0, 2 << 13 | 1),
        pack("!HHL", 7, MAX_TOLD + 1, 0) + pack("!H", 8191) * 9,
    ],
    ids=["nothing", "chunk", "small", "large", "many"],
)
def test_transport_wide_of_what_is_cut_off_is_an_error(message: bytes) -> None:
    with pytest.raises(ValueError, match="transport-wide feedback"):
        read_feedback(feedback(message))


def browser_offer(direction: str = "recvonly", *lines: str) -> str:
    head, video = BROWSER_OFFER.split("m=video")
    video = video.replace("a=recvonly", f"a={direction}")
    added = "".join(f"{line}\r\n" for line in lines)
    return f"{head}m=video{video.replace('a=rtcp-mux', f'{added}a=rtcp-mux')}"


NUMBER, FEEDBACK = f"a=extmap:9 {TRANSPORT_NUMBER}", "a=rtcp-fb:102 transport-cc"


@pytest.mark.parametrize(
    ("offer", "agreed"),
    [
        (browser_offer("recvonly", NUMBER, FEEDBACK), True),
        (browser_offer("sendrecv", NUMBER, FEEDBACK), True),
        (browser_offer("recvonly", NUMBER), False),
        (browser_offer("recvonly", FEEDBACK), False),
        (browser_offer("sendonly", NUMBER, FEEDBACK), True),
        (browser_offer(), False),
    ],
    ids=["sent alone", "two ways", "no feedback", "no number", "received alone", "neither"],
)
async def test_transport_wide_is_answered_where_all_of_it_is_offered(
    offer: str, agreed: bool, clip: list[bytes], sound: list[bytes]
) -> None:
    side = Side(
        LocalStream(ClipFeed(clip), SoundFeed(sound)), ice=IceOptions(host_addresses=("127.0.0.1",))
    )
    async with closing(side):
        answer = await side.peer.create_answer(offer)
    audio, video = answer.split("m=video")
    assert TRANSPORT_NUMBER not in audio
    assert (NUMBER in video, FEEDBACK in video) == (agreed, agreed)


@pytest.mark.parametrize(
    "grant",
    [MediaGrant(receives=False), MediaGrant(), MediaGrant(sends=False)],
    ids=["sent alone", "two ways", "received alone"],
)
async def test_transport_wide_is_offered_for_pictures(
    grant: MediaGrant, clip: list[bytes], sound: list[bytes]
) -> None:
    side = Side(
        LocalStream(ClipFeed(clip), SoundFeed(sound)),
        grant,
        ice=IceOptions(host_addresses=("127.0.0.1",)),
    )
    async with closing(side):
        offer = await side.peer.create_offer()
    audio, video = offer.split("m=video")
    assert TRANSPORT_NUMBER not in audio
    (number,) = re.findall(rf"a=extmap:(\d+) {TRANSPORT_NUMBER}", video)
    assert offer.count(f"a=extmap:{number} ") == 1
    h264 = re.findall(r"a=rtpmap:(\d+) H264/", video)
    assert re.findall(r"a=rtcp-fb:(\d+) transport-cc", video) == h264
    assert offer_feedback(offer) == offer


@pytest.mark.media
async def test_transport_wide_feedback_on_what_is_resent_reaches_the_pictures(
    clip: list[bytes], sound: list[bytes]
) -> None:
    """It names a source of the transport, which need not be that of the pictures."""
    call = Call(clip, sound)
    async with closing(call.device, call.caller):
        await call.connect()
        sender = call.device.peer._media._video_sender
        assert sender is not None
        told = sender.tally.acknowledged
        for number in range(20):
            wire = compounds.transport_feedback(call.own_ssrc, 4711, number, [0.0])
            await call.receiver.transport._send_rtp(wire)
        await until(lambda: sender.tally.acknowledged >= told + 20)


async def test_transport_wide_finds_the_names_of_aiortc(pc: RTCPeerConnection) -> None:
    transceiver = pc.getTransceivers()[0]
    assert isinstance(transceiver._codecs, list)
    assert isinstance(transceiver._headerExtensions, list)
    source = inspect.getsource(RTCPeerConnection.setRemoteDescription)
    # what is agreed on is made anew by each description
    assert "transceiver._codecs = common" in source
    assert "transceiver._headerExtensions = find_common_header_extensions(" in source
    assert callable(pc._RTCPeerConnection__remoteDescription)  # type: ignore[attr-defined]
    await pc.close()
