"""Offer, answer, directions and the end of a transport."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.core.call import media_inactivity
from agent.core.call.events import (
    CandidateFound,
    FirstFrameSeen,
    MediaGrant,
    PeerConnected,
    PeerFailed,
    PeerLost,
    PeerSilent,
    RtcpTimedOut,
)
from agent.core.call.reasons import AudioDirection, CloseReason
from agent.errors import MediaUnavailable, NoCommonCodec, PeerError, UnusableDescription
from agent.ports import LocalStream, PeerFactory
from agent.webrtc.peer import make_peer
from tests.examples import examples
from tests.webrtc.feeds import BrokenFeed, ClipFeed, SlowFeed, SoundFeed
from tests.webrtc.offers import BROWSER_OFFER, with_video_codecs, without_video
from tests.webrtc.pairs import Filter, Side, closing, connect, until

pytestmark = pytest.mark.media

H264 = ("a=rtpmap:102 H264/90000", "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f")


def directions(sdp: str) -> dict[str, str]:
    """Kind -> direction of each RTP section."""
    found = {}
    for section in sdp.split("m=")[1:]:
        kind = section.split(" ", 1)[0]
        if kind != "application":
            found[kind] = next(
                word
                for word in ("sendrecv", "sendonly", "recvonly", "inactive")
                if f"a={word}\r\n" in section
            )
    return found


def test_peer_factory_is_one() -> None:
    factory: PeerFactory = make_peer
    assert callable(factory)


# --- describing


async def test_peer_answer_sends_what_is_asked_for_and_no_more(
    clip: list[bytes], sound: list[bytes]
) -> None:
    side = Side(LocalStream(ClipFeed(clip), SoundFeed(sound)))
    async with closing(side):
        answer = await side.peer.create_answer(BROWSER_OFFER)
    assert directions(answer) == {"audio": "sendrecv", "video": "sendonly"}
    assert "VP8" not in answer
    assert "G722" not in answer
    assert "a=setup:active" in answer
    assert answer.count("a=candidate") >= 1


@pytest.mark.parametrize(
    ("grant", "expected"),
    [
        (MediaGrant(), {"audio": "sendrecv", "video": "sendonly"}),
        (MediaGrant(video=False), {"audio": "sendrecv", "video": "inactive"}),
        (MediaGrant(audio=AudioDirection.SEND), {"audio": "sendonly", "video": "sendonly"}),
        (MediaGrant(audio=AudioDirection.RECEIVE), {"audio": "recvonly", "video": "sendonly"}),
        (MediaGrant(audio=AudioDirection.NONE), {"audio": "inactive", "video": "sendonly"}),
    ],
)
async def test_peer_grant_bounds_the_directions(
    grant: MediaGrant, expected: dict[str, str], clip: list[bytes], sound: list[bytes]
) -> None:
    local = LocalStream(ClipFeed(clip), SoundFeed(sound))
    answering, offering = Side(local, grant), Side(local, grant)
    async with closing(answering, offering):
        assert directions(await answering.peer.create_answer(BROWSER_OFFER)) == expected
        offer = directions(await offering.peer.create_offer())
    video = {"video": "sendrecv"} if grant.video else {}
    sound_direction = {} if grant.audio is AudioDirection.NONE else {"audio": expected["audio"]}
    assert offer == video | sound_direction


async def test_peer_without_feeds_it_only_receives() -> None:
    answering, offering = Side(), Side()
    async with closing(answering, offering):
        answer = await answering.peer.create_answer(
            BROWSER_OFFER.replace("a=recvonly", "a=sendrecv")
        )
        assert directions(answer) == {"audio": "recvonly", "video": "recvonly"}
        offer = await offering.peer.create_offer()
    assert directions(offer) == {"audio": "recvonly", "video": "recvonly"}
    assert "m=application" in offer


async def test_peer_camera_is_not_opened_for_an_offer_that_only_sends(clip: list[bytes]) -> None:
    feed = ClipFeed(clip)
    side = Side(LocalStream(feed))
    async with closing(side):
        await side.peer.create_answer(BROWSER_OFFER.replace("a=recvonly", "a=sendonly"))
    assert feed.subscriptions == []


async def test_peer_offer_without_video_is_sound_alone(
    clip: list[bytes], sound: list[bytes]
) -> None:
    feed = ClipFeed(clip)
    side = Side(LocalStream(feed, SoundFeed(sound)))
    async with closing(side):
        assert directions(await side.peer.create_answer(without_video())) == {"audio": "sendrecv"}
    assert feed.subscriptions == []


@pytest.mark.parametrize(
    "codecs",
    [
        ["a=rtpmap:96 VP8/90000"],
        ["a=rtpmap:102 H264/90000", "a=fmtp:102 packetization-mode=0;profile-level-id=42e01f"],
        ["a=rtpmap:102 H264/90000", "a=fmtp:102 profile-level-id=42e01f"],
        ["a=rtpmap:102 H264/90000", "a=fmtp:102 packetization-mode=1;profile-level-id=zzzzzz"],
        ["a=rtpmap:102 H265/90000"],
    ],
)
async def test_peer_video_without_our_codec_is_refused_before_the_camera_is_opened(
    codecs: list[str], clip: list[bytes]
) -> None:
    feed = ClipFeed(clip)
    side = Side(LocalStream(feed))
    async with closing(side):
        with pytest.raises(NoCommonCodec):
            await side.peer.create_answer(with_video_codecs(*codecs))
    assert feed.subscriptions == []


async def test_peer_sources_level_is_declared(clip: list[bytes]) -> None:
    feed = ClipFeed(clip, profile_level_id="42e02a")
    answering, offering = Side(LocalStream(feed)), Side(LocalStream(feed))
    async with closing(answering, offering):
        answer = await answering.peer.create_answer(BROWSER_OFFER)
        offer = await offering.peer.create_offer()
    for sdp in (answer, offer):
        first = sdp.split("m=video", 1)[1].split("profile-level-id=")[1][:6]
        assert first == "42e02a"


async def test_peer_high_profile_is_chosen_where_it_is_offered(clip: list[bytes]) -> None:
    side = Side(LocalStream(ClipFeed(clip, profile_level_id="640028")))
    high = ("a=rtpmap:110 H264/90000", "a=fmtp:110 packetization-mode=1;profile-level-id=64001f")
    async with closing(side):
        answer = await side.peer.create_answer(with_video_codecs(*H264, *high))
    assert answer.split("m=video ")[1].split("\r\n")[0].split()[2] == "110"
    assert "profile-level-id=640028" in answer


async def test_peer_profile_that_was_not_offered_is_told(
    clip: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """Browsers decode it all the same, so the call goes on."""
    side, other = (
        Side(LocalStream(ClipFeed(clip, profile_level_id="640028"))),
        Side(LocalStream(ClipFeed(clip, profile_level_id="42e01f"))),
    )
    async with closing(side, other):
        await other.peer.create_answer(with_video_codecs(*H264))
        assert "not offered" not in caplog.text
        await side.peer.create_answer(with_video_codecs(*H264))
    assert "has the profile 640028, which was not offered" in caplog.text


async def test_peer_camera_that_cannot_be_opened_surfaces_here() -> None:
    answering, offering = Side(LocalStream(BrokenFeed())), Side(LocalStream(BrokenFeed()))
    async with closing(answering, offering):
        with pytest.raises(MediaUnavailable):
            await answering.peer.create_answer(BROWSER_OFFER)
        with pytest.raises(MediaUnavailable):
            await offering.peer.create_offer()
    assert answering.events == offering.events == []


async def test_peer_answer_that_does_not_fit_is_refused(clip: list[bytes]) -> None:
    side = Side(LocalStream(ClipFeed(clip)))
    other = Side()
    async with closing(side, other):
        await side.peer.create_offer()
        with pytest.raises(UnusableDescription):
            await side.peer.apply_answer("v=0\r\n")
        with pytest.raises(UnusableDescription):
            await side.peer.apply_answer(await other.peer.create_answer(without_video()))


@settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_peer_mutated_offer_gives_an_answer_or_our_error(
    data: st.DataObject, clip: list[bytes]
) -> None:
    lines = BROWSER_OFFER.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(1, len(lines) - 1))
        match data.draw(st.sampled_from(["drop", "double", "cut", "text"])):
            case "drop":
                del lines[at]
            case "double":
                lines.insert(at, lines[at])
            case "cut":
                lines[at] = lines[at][: data.draw(st.integers(2, max(2, len(lines[at]))))]
            case _:
                lines[at] = lines[at][:2] + data.draw(
                    st.text(st.characters(codec="ascii"), max_size=20)
                )

    async def answer() -> None:
        side = Side(LocalStream(ClipFeed(clip)))
        async with closing(side):
            with suppress(UnusableDescription, NoCommonCodec):
                assert "m=" in await side.peer.create_answer("\r\n".join(lines))
        assert not side.of(PeerFailed)

    asyncio.run(answer())


async def test_peer_camera_that_the_answer_does_not_want_is_given_back(
    clip: list[bytes], sound: list[bytes]
) -> None:
    feed, sounds = ClipFeed(clip), SoundFeed(sound)
    device, other = Side(LocalStream(feed, sounds)), Side(grant=MediaGrant(video=False))
    async with closing(device, other):
        await connect(device, other)
        assert feed.subscriptions[0].closed.is_set()
        assert not sounds.subscriptions[0].closed.is_set()
        assert not device.of(PeerFailed)


# --- the gate, mute and broken sources


# --- the end


async def test_peer_close_is_idempotent_and_joined(clip: list[bytes], sound: list[bytes]) -> None:
    feed = ClipFeed(clip)
    device, caller = Side(LocalStream(feed, SoundFeed(sound))), Side()
    async with closing(device, caller):
        await connect(caller, device)
        await asyncio.gather(*(device.peer.close() for _ in range(3)))
        await device.peer.close()
        events = list(device.events)
        assert feed.subscriptions[0].closed.is_set()
        lost = await caller.event(PeerLost)
        assert "closed" in lost.detail
        assert lost.closed
        with pytest.raises(PeerError):
            await device.peer.create_offer()
        with pytest.raises(PeerError):
            await device.peer.create_answer(BROWSER_OFFER)
        with pytest.raises(PeerError):
            await device.peer.apply_answer(BROWSER_OFFER)
        await device.peer.add_candidate(None)
        assert not device.peer.send_control("x")
        device.peer.start_media()
        device.peer.mute(video=True)
        assert device.peer.counters().video_sent is not None
    assert device.events == events


async def test_peer_new_peer_can_be_closed_and_counted() -> None:
    side = Side()
    assert side.peer.counters().video_sent is None
    await side.peer.close()
    await side.peer.close()


async def test_peer_closing_while_the_camera_opens_gives_it_back(clip: list[bytes]) -> None:
    feed = SlowFeed(clip)
    side = Side(LocalStream(feed))
    answering = asyncio.create_task(side.peer.create_answer(BROWSER_OFFER))
    await feed.opening.wait()
    await side.peer.close()
    feed.opened.set()
    with pytest.raises(PeerError):
        await answering
    assert feed.subscriptions[0].closed.is_set()


async def test_peer_remote_peer_that_only_answers_checks_is_told_of(
    clip: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It did report what it gets, and does not any more."""
    monkeypatch.setattr(media_inactivity, "RTCP_TIMEOUT", 2.0)
    device, caller = Side(LocalStream(ClipFeed(clip))), Side()
    async with closing(device, caller):
        await connect(caller, device)
        await until(lambda: device.peer._media.heeded[1] >= media_inactivity.MIN_REPORTS)
        # the first two bits of what is neither STUN nor DTLS (RFC 7983)
        filters = [
            Filter(protocol, lambda data: data[0] >> 6 != 2)
            for protocol in caller.peer._pc.require_ice()._protocols
        ]
        await device.event(RtcpTimedOut)
        assert not device.of(PeerSilent)
        for each in filters:
            each.end()


async def test_peer_wrong_fingerprint_fails_the_set_up(clip: list[bytes]) -> None:
    device, caller = Side(LocalStream(ClipFeed(clip))), Side()
    async with closing(device, caller):
        answer = await device.peer.create_answer(await caller.peer.create_offer())
        digest = answer.split("a=fingerprint:sha-256 ")[1][:95]
        await caller.peer.apply_answer(answer.replace(digest, "00:" * 31 + "00"))
        failed = await caller.event(PeerFailed)
        assert failed.code == "dtls_failed"
        assert failed.reason is CloseReason.ICE_FAILED
        assert "certificate is not the one that its description names" in failed.message
        assert not caller.of(PeerConnected)


async def test_peer_events_name_their_generation(clip: list[bytes]) -> None:
    device, caller = Side(LocalStream(ClipFeed(clip)), generation=3), Side(generation=4)
    async with closing(device, caller):
        await connect(caller, device)
        await device.event(FirstFrameSeen)
        await caller.event(FirstFrameSeen)
    assert {event.generation for event in device.events} == {3}
    assert {event.generation for event in caller.events} == {4}
    assert not device.of(CandidateFound)
