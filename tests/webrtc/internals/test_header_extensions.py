"""How long a picture may be held back: said to who asks for it, in every packet of a picture, and
to nobody else.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensions, unpack_header_extensions

from agent.ports import IceOptions, LocalStream
from agent.webrtc.internals.header_extensions import PLAYOUT_DELAY, ExtensionsMap
from agent.webrtc.sending.rtp_stream import RtpStream, SentPacket
from tests.webrtc.feeds import ClipFeed, MemorySink, SoundFeed
from tests.webrtc.offers import BROWSER_OFFER
from tests.webrtc.pairs import Side, closing, connect

ABS_SEND_TIME = "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
# from 10 ms to 200 ms, in steps of 10 ms and 12 bits each
DELAY = bytes((0x00, 0x10, 0x14))


def make_map(*extensions: tuple[int, str]) -> ExtensionsMap:
    found = ExtensionsMap()
    known = [RTCRtpHeaderExtensionParameters(id=number, uri=uri) for number, uri in extensions]
    found.configure(RTCRtpParameters(headerExtensions=known))
    return found


def test_header_extensions_stands_behind_what_aiortc_writes() -> None:
    extensions = make_map((3, "urn:ietf:params:rtp-hdrext:sdes:mid"), (6, PLAYOUT_DELAY))
    assert extensions.set(HeaderExtensions(mid="1")) == (
        0xBEDE,
        b"\x301" + b"\x62" + DELAY + bytes(2),
    )
    assert extensions.get(0xBEDE, b"\x301" + b"\x62" + DELAY + bytes(2)) == HeaderExtensions(
        mid="1"
    )


def test_header_extensions_stands_alone() -> None:
    assert make_map((6, PLAYOUT_DELAY)).set(HeaderExtensions(mid="1")) == (0xBEDE, b"\x62" + DELAY)


def test_header_extensions_id_of_two_bytes() -> None:
    assert make_map((20, PLAYOUT_DELAY)).set(HeaderExtensions()) == (
        0x1000,
        bytes((20, 3)) + DELAY + bytes(3),
    )


def test_header_extensions_is_not_written_where_it_was_not_negotiated() -> None:
    extensions = make_map((3, "urn:ietf:params:rtp-hdrext:sdes:mid"))
    assert extensions.set(HeaderExtensions(mid="1")) == (0xBEDE, b"\x301" + bytes(2))
    assert make_map().set(HeaderExtensions(mid="1")) == (0, b"")


@pytest.mark.parametrize(
    "offered", ["a=extmap:6 " + PLAYOUT_DELAY, "a=extmap:6/recvonly " + PLAYOUT_DELAY, None]
)
async def test_header_extensions_is_answered_where_it_is_offered(
    offered: str | None, clip: list[bytes], sound: list[bytes]
) -> None:
    offer = (
        BROWSER_OFFER
        if offered is None
        else BROWSER_OFFER.replace(ABS_SEND_TIME, f"{ABS_SEND_TIME}\r\n{offered}")
    )
    side = Side(
        LocalStream(ClipFeed(clip), SoundFeed(sound)), ice=IceOptions(host_addresses=("127.0.0.1",))
    )
    async with closing(side):
        answer = await side.peer.create_answer(offer)
    audio, video = answer.split("m=video")
    assert PLAYOUT_DELAY not in audio
    assert re.findall(rf"a=extmap:(\S+) {PLAYOUT_DELAY}\r\n", video) == (
        [] if offered is None else ["6"]
    )


def delays_of(packet: bytes) -> list[bytes]:
    """The values of the extension with the id of our own offers."""
    profile, words = int.from_bytes(packet[12:14], "big"), int.from_bytes(packet[14:16], "big")
    return [
        value
        for number, value in unpack_header_extensions(profile, packet[16 : 16 + 4 * words])
        if number == 4
    ]


@pytest.mark.media
@pytest.mark.parametrize("wanted", [True, False])
async def test_header_extensions_every_packet_of_a_picture_carries_it(
    wanted: bool, clip: list[bytes], sound: list[bytes]
) -> None:
    """What is resent does too; where it was not offered, nothing does."""
    sink = MemorySink()
    device, caller = (
        Side(LocalStream(ClipFeed(clip), SoundFeed(sound))),
        Side(sink=sink),
    )
    create_offer = caller.peer.create_offer

    async def offer_without() -> str:
        return re.sub(rf"a=extmap:\d+ {PLAYOUT_DELAY}\r\n", "", await create_offer())

    if not wanted:
        caller.peer.create_offer = offer_without  # type: ignore[method-assign]
    async with closing(device, caller):
        await connect(caller, device)
        await sink.seen(video=2, audio=2)
        video, audio = (
            packets_of(device.peer._media._video_sender),
            packets_of(device.peer._media._audio_sender),
        )
    expected = [DELAY] if wanted else []
    assert [delays_of(packet) for packet in video] == [expected] * len(video)
    assert [delays_of(packet) for packet in audio if packet[0] & 0x10] == [[]] * len(audio)


def packets_of(sender: RtpStream[Any] | None) -> list[bytes]:
    """All that it sent, and the last one as it would be resent."""
    assert sender is not None
    sent = [packet for packet in sender._history if packet is not None]
    return [
        *(header + payload for header, payload in sent),
        sender._as_rtx(SentPacket(1, *sent[-1])),
    ]
