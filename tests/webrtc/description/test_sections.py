"""Which sections of an offer are served, and how the others are answered."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import UnusableDescription
from agent.webrtc.description.section_lines import split
from agent.webrtc.description.sections import (
    NO_MID,
    Served,
    bandwidth,
    check_fingerprints,
    check_roles,
    serve_offer,
)
from tests.webrtc.description.variants import (
    ALL,
    AUDIO,
    DATA,
    HEAD,
    VARIANTS,
    VIDEO,
    Variant,
    change,
    h264,
)
from tests.webrtc.offers import BROWSER_OFFER


def lines_of(sdp: str) -> list[str]:
    return [line.strip() for line in re.split(r"\r\n|\n", sdp) if line.strip()]


def kinds(offered: Served) -> tuple[str, ...]:
    return tuple(section.kind for section in split(offered.lines)[1])


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_serve_offer_takes_what_others_write(variant: Variant) -> None:
    offered = serve_offer(lines_of(variant.sdp))
    assert kinds(offered) == variant.served
    answer = offered.complete("\r\n".join(offered.lines))
    _, sections = split(answer.splitlines())
    assert len(sections) == variant.sections
    assert [each.kind for each in sections if each.port] == list(variant.served)
    assert [each.kind for each in sections] == [
        each.kind for each in split(lines_of(variant.sdp))[1]
    ]


def test_serve_offer_gives_bundled_sections_the_transport_of_the_first() -> None:
    bare = re.sub(r"a=(ice-ufrag|ice-pwd|fingerprint|setup):.*\r\n", "", VIDEO)
    _, sections = split(serve_offer(lines_of(HEAD + AUDIO + bare + DATA)).lines)
    for section in sections:
        assert section.values("ice-ufrag") == ["x1Yz"]
        assert len(section.values("fingerprint")) == 1


def test_serve_offer_takes_sound_that_has_a_section_for_each_way() -> None:
    """As go2rtc and its player have it."""
    microphone = change("a=sendrecv", "a=sendonly", AUDIO)
    speaker = change("a=sendrecv", "a=recvonly", AUDIO).replace("a=mid:0", "a=mid:3")
    offer = HEAD.replace("BUNDLE 0 1 2", "BUNDLE 0 1 2 3") + microphone + VIDEO + DATA + speaker
    offered = serve_offer(lines_of(offer))
    assert offered.served == (0, 1, 2, 3)
    assert not offered.rejected


@pytest.mark.parametrize(
    ("first", "second", "served"),
    [
        # one that does both ways needs no other
        ("sendrecv", "sendonly", (0, 1)),
        ("sendonly", "sendonly", (0, 1)),
        ("sendonly", "sendrecv", (1, 2)),
        ("recvonly", "recvonly", (0, 1)),
        ("inactive", "recvonly", (1, 2)),
    ],
)
def test_serve_offer_takes_one_section_of_sound_where_there_are_not_two_ways(
    first: str, second: str, served: tuple[int, ...]
) -> None:
    one = AUDIO.replace("a=sendrecv", f"a={first}")
    other = AUDIO.replace("a=sendrecv", f"a={second}").replace("a=mid:0", "a=mid:3")
    head = HEAD.replace("BUNDLE 0 1 2", "BUNDLE 0 1 3")
    assert serve_offer(lines_of(head + one + VIDEO + other)).served == served


def test_serve_offer_prefers_the_section_by_which_the_caller_hears() -> None:
    """Where the later of two ways carries the transport there is no order for both."""
    speaker = change("a=sendrecv", "a=recvonly", AUDIO)
    microphone = change("a=sendrecv", "a=sendonly", AUDIO).replace("a=mid:0", "a=mid:3")
    head = HEAD.replace("BUNDLE 0 1 2", "BUNDLE 3 1 0")
    offered = serve_offer(lines_of(head + speaker + VIDEO + microphone))
    assert offered.served == (0, 1)
    assert list(offered.rejected) == [2]


def test_serve_offer_keeps_video_without_a_codec_that_the_caller_wants_to_see() -> None:
    """So that whoever reads it can say that there is no common codec (PROTOCOL 2)."""
    offer = re.sub(r"a=(rtpmap|fmtp|rtcp-fb):(102|103|104).*\r\n", "", BROWSER_OFFER)
    assert "video" in kinds(serve_offer(lines_of(offer)))


def test_serve_offer_takes_the_picture_where_nothing_is_bundled() -> None:
    offer = re.sub(r"a=group:BUNDLE.*\r\n", "", BROWSER_OFFER)
    offered = serve_offer(lines_of(offer))
    assert (kinds(offered), sorted(offered.rejected)) == (("video",), [0, 2])


@pytest.mark.parametrize(
    "offer",
    [
        HEAD,
        HEAD + "m=text 9 RTP/AVP 98\r\na=mid:0\r\n",
        BROWSER_OFFER.replace("m=audio 9", "m=audio 0")
        .replace("m=video 9", "m=video 0")
        .replace("m=application 9", "m=application 0"),
        change("a=mid:1", "a=mid:0"),
        change("m=video 9", "m=video"),
    ],
    ids=["no section", "nothing known", "all rejected", "mid twice", "no media line"],
)
def test_serve_offer_refuses_what_leaves_nothing(offer: str) -> None:
    with pytest.raises(UnusableDescription):
        serve_offer(lines_of(offer))


def test_served_complete_has_the_profile_that_was_offered() -> None:
    offered = serve_offer(lines_of(h264("640c1f")))
    assert any("profile-level-id=64001f" in line for line in offered.lines)
    assert "profile-level-id=640c1f" in offered.complete("\r\n".join(offered.lines))


def test_served_complete_has_no_mid_where_the_offer_had_none() -> None:
    (variant,) = (each for each in VARIANTS if each.name == "one_section_without_mid")
    offered = serve_offer(lines_of(variant.sdp))
    answer = offered.complete("\r\n".join(offered.lines))
    assert NO_MID not in answer
    assert "BUNDLE" not in answer


@pytest.mark.parametrize(
    ("line", "bits"),
    [("b=AS:300", 300_000), ("b=TIAS:300000", 300_000), ("b=AS:0", None), ("b=CT:9", None)],
)
def test_bandwidth_reads_both_forms(line: str, bits: int | None) -> None:
    session, sections = split(lines_of(change("a=mid:1", f"{line}\r\na=mid:1")))
    assert bandwidth(session, *(each.lines for each in sections)) == bits


def test_bandwidth_of_the_session_holds_for_the_picture() -> None:
    offer = change("t=0 0", "b=AS:400\r\nt=0 0")
    assert serve_offer(lines_of(offer)).max_bitrate == 400_000
    lower = change("a=mid:1", "b=TIAS:300000\r\na=mid:1", offer)
    assert serve_offer(lines_of(lower)).max_bitrate == 300_000


def test_bandwidth_of_a_picture_at_the_port_of_another_section_counts() -> None:
    """As browsers offer it that bundle all."""
    offer = change("m=video 9", "m=video 0").replace(
        "a=mid:1", "b=TIAS:300000\r\na=mid:1\r\na=bundle-only"
    )
    assert serve_offer(lines_of(offer)).max_bitrate == 300_000


@pytest.mark.parametrize("role", ["holdconn", "client", ""])
def test_check_roles_names_one_that_there_is_not(role: str) -> None:
    with pytest.raises(UnusableDescription, match=f"a=setup:{role} is none of"):
        check_roles(lines_of(change("actpass", role)))
    check_roles(lines_of(BROWSER_OFFER))


def test_check_fingerprints_refuses_sha_1_alone() -> None:
    with pytest.raises(UnusableDescription, match="sha-1 alone"):
        check_fingerprints(lines_of(change("sha-256", "sha-1")))
    check_fingerprints(lines_of(BROWSER_OFFER))
    check_fingerprints(lines_of(change("a=setup", "a=fingerprint:sha-1 AB\r\na=setup")))


# -- every variation that the documents allow, together ---------------------------------------

_EXTRA_LINES = (
    "a=rtcp:9 IN IP4 0.0.0.0",
    "a=rtcp-rsize",
    "a=extmap-allow-mixed",
    "a=msid:- 1",
    "a=ssrc-group:FID 1 2",
    "a=x-google-flag:conference",
    "b=AS:2000",
    "a=rid:1 send",
    "a=imageattr:* recv [x=640,y=480]",
    "a=label:1",
    "a=ptime:20",
    "a=fmtp:200 no-rtpmap=1",
    "a=ice-pacing:50",
    "a=tls-id:1234567890123456789012345",
)


@st.composite
def _variations(draw: st.DrawFn) -> str:
    mids = draw(
        st.lists(
            st.text("abcXYZ019-_.", min_size=1, max_size=40), min_size=3, max_size=3, unique=True
        )
    )
    sections = []
    for part, old, new in zip((AUDIO, VIDEO, DATA), "012", mids, strict=True):
        text = part.replace(f"a=mid:{old}", f"a=mid:{new}")
        if part is not DATA:
            gap = draw(st.sampled_from([";", "; ", " ;", ";\t", ";;"]))
            text = re.sub(r"(?<=\w);(?=\w)", lambda _, gap=gap: gap, text)
            text = draw(st.sampled_from([text, text.replace("H264", "h264")]))
        extra = draw(st.lists(st.sampled_from(_EXTRA_LINES), max_size=4))
        head, _, rest = text.partition("\r\n")
        sections.append("\r\n".join([head, *extra, rest]))
    head = HEAD.replace("BUNDLE 0 1 2", "BUNDLE " + " ".join(mids))
    order = draw(st.permutations(sections))
    return head + "".join(order)


@given(_variations())
def test_serve_offer_takes_every_variation_that_the_documents_allow(offer: str) -> None:
    offered = serve_offer(lines_of(offer))
    assert sorted(kinds(offered)) == sorted(ALL)
    assert not offered.rejected
