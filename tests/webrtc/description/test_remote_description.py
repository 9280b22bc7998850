"""Offers of strangers: cleaned or refused, and nothing but our own errors comes out."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import NoCommonCodec, UnusableDescription
from agent.webrtc.description.remote_description import (
    MAX_CANDIDATES,
    read_candidate,
    read_offer,
)
from agent.webrtc.peer_media import require_codecs
from tests.examples import examples
from tests.webrtc.description.variants import AUDIO, HEAD, VIDEO
from tests.webrtc.offers import BROWSER_OFFER, candidate_line, with_candidates

LINES = BROWSER_OFFER.splitlines()


def without(*prefixes: str) -> str:
    return "\r\n".join(line for line in LINES if not line.startswith(prefixes)) + "\r\n"


def test_read_offer_takes_a_browsers() -> None:
    remote = read_offer(BROWSER_OFFER)
    assert [section.kind for section in remote.media] == ["audio", "video", "application"]
    assert remote.primary.kind == "audio"
    assert [(c.ip, c.port) for c in remote.candidates] == [("192.0.2.9", 50000)]
    assert not remote.end_of_candidates
    assert "a=candidate" not in remote.sdp
    video = remote.find("video")
    assert video is not None
    assert video.direction == "recvonly"


@pytest.mark.parametrize(
    ("sdp", "says"),
    [
        ("", "v=0"),
        ("hello", "v=0"),
        ("v=0\r\n", "no media section"),
        ("v=0\r\nx" * 70_000, "longer"),
        (BROWSER_OFFER.replace("a=mid:0", "a=mid:0\x00"), "control characters"),
        (BROWSER_OFFER.replace("s=-", "nonsense"), "line 3"),
        (BROWSER_OFFER.replace("s=-", "s=" + "y" * 5000), "line 3"),
        (without("a=ice-ufrag"), "ice-ufrag"),
        (without("a=ice-pwd"), "ice-pwd"),
        (BROWSER_OFFER.replace("a=ice-pwd:", "a=ice-pwd:short\r\na=x:"), "ice-pwd"),
        (without("a=fingerprint"), "fingerprint"),
        (without("a=setup"), "setup"),
        (BROWSER_OFFER.replace("a=setup:actpass", "a=setup:holdconn"), "a=setup:holdconn is none"),
        (BROWSER_OFFER.replace("a=mid:1", "a=mid:0"), "same a=mid"),
        (without("a=rtcp-mux"), "rtcp-mux"),
    ],
)
def test_read_offer_refuses_what_cannot_be_used_with_a_reason(sdp: str, says: str) -> None:
    with pytest.raises(UnusableDescription, match=re.escape(says)):
        read_offer(sdp)


@pytest.mark.parametrize(
    ("sdp", "kinds"),
    [
        (without("a=mid:1"), "audio application"),
        (without("a=group"), "video"),
        (BROWSER_OFFER.replace("111 9", "9"), "video application"),
        (BROWSER_OFFER.replace("BUNDLE 0 1 2", "BUNDLE 0 1 9"), "audio video"),
        (BROWSER_OFFER.replace("m=video", "m=text"), "audio application"),
        (BROWSER_OFFER.replace("m=audio", "m=video"), "video application"),
        (without("a=sctp-port"), "audio video"),
        (BROWSER_OFFER.replace("a=extmap:1 ", "a=extmap:4097 "), "audio video application"),
        (BROWSER_OFFER.replace("a=rtpmap:9 ", "a=rtpmap:200 "), "audio video application"),
        (
            BROWSER_OFFER.replace("a=rtpmap:102 H264/90000", "a=rtpmap:102"),
            "audio video application",
        ),
    ],
)
def test_read_offer_leaves_out_what_cannot_be_served(sdp: str, kinds: str) -> None:
    assert [section.kind for section in read_offer(sdp).media] == kinds.split()


def test_read_offer_passes_over_what_is_too_long_to_be_read() -> None:
    """As an identity is (RFC 8827 5)."""
    noisy = BROWSER_OFFER.replace("t=0 0", f"t=0 0\r\na=identity:{'e' * 9000}")
    assert read_offer(noisy).sdp == read_offer(BROWSER_OFFER).sdp


def test_read_offer_takes_as_many_sections_as_a_conference_has() -> None:
    more = (VIDEO.replace("a=mid:1", f"a=mid:{mid}") for mid in range(10, 40))
    remote = read_offer(BROWSER_OFFER + "".join(more))
    assert [section.kind for section in remote.media] == ["audio", "video", "application"]
    assert len(remote.served.rejected) == 30


@pytest.mark.parametrize("formats", ["96 97", "72", "*", ""])
def test_read_offer_of_video_without_a_codec_of_ours_says_so(formats: str) -> None:
    """What is described below, and not listed above, was taken off: it is not offered."""
    with pytest.raises(NoCommonCodec):
        require_codecs(read_offer(BROWSER_OFFER.replace(" 96 97 102 103 104", f" {formats}")))


def test_read_offer_gives_codecs_in_the_order_of_their_section() -> None:
    """With what resends one behind it, wherever that stands: aiortc reads them from above."""
    rtx = "a=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102\r\n"
    moved = BROWSER_OFFER.replace(rtx, "").replace("a=rtpmap:96", f"{rtx}a=rtpmap:96")
    video = read_offer(moved.replace("102 103 104", "104 103 102")).find("video")
    assert video is not None
    assert [codec.payloadType for codec in video.rtp.codecs] == [96, 104, 102, 97, 103]


def test_read_offer_has_the_parameter_sets_that_the_description_names() -> None:
    sets = "packetization-mode=1;sprop-parameter-sets=Z0LAHg==,aM4=;"
    sdp = BROWSER_OFFER.replace("packetization-mode=1;", sets, 1)
    assert read_offer(sdp).parameter_sets == bytes.fromhex("00000167 42c01e 000001 68ce")
    assert read_offer(BROWSER_OFFER).parameter_sets == b""


@pytest.mark.parametrize("more", [0, 1, 20])
def test_read_offer_keeps_as_many_candidates_as_are_allowed(more: int) -> None:
    assert len(read_offer(with_candidates(MAX_CANDIDATES + more)).candidates) == MAX_CANDIDATES


def test_read_offer_missing_direction_is_the_sessions_or_sendrecv() -> None:
    bare = without("a=sendrecv", "a=recvonly")
    assert {s.direction for s in read_offer(bare).media if s.kind != "application"} == {"sendrecv"}
    session = bare.replace("t=0 0", "t=0 0\r\na=sendonly")
    assert {s.direction for s in read_offer(session).media if s.kind != "application"} == {
        "sendonly"
    }


def test_read_offer_candidates_count_only_in_the_section_that_carries_the_transport() -> None:
    # in the last section
    sdp = BROWSER_OFFER + candidate_line(7) + "\r\n"
    assert len(read_offer(sdp).candidates) == 1
    assert len(read_offer(sdp.replace("BUNDLE 0 1 2", "BUNDLE 2 1 0")).candidates) == 1
    assert read_offer(sdp.replace("BUNDLE 0 1 2", "BUNDLE 2 1 0")).primary.kind == "application"


def test_trickled_candidates_belong_to_the_shared_transport() -> None:
    remote = read_offer(BROWSER_OFFER)
    assert remote.carries("0", 0)
    assert remote.carries(None, 0)
    assert remote.carries(None, None)
    assert not remote.carries("1", 1)
    assert not remote.carries(None, 1)
    assert remote.carries("", 0)
    assert not remote.carries("", 1)


def test_trickled_candidates_of_sections_without_names_are_told_by_their_place() -> None:
    """Whatever the remote peer calls them among itself."""
    remote = read_offer(without("a=mid", "a=group"))
    assert remote.index == 1
    assert remote.carries("video", 1)
    assert not remote.carries("audio", 0)


@pytest.mark.parametrize(
    "line",
    [
        "1 1 udp 2130706431 192.0.2.9 50000 typ host",
        "candidate:1 1 UDP 2130706431 192.0.2.9 50000 typ host generation 0 ufrag abcd network-id 1",
        "a=candidate:1 1 udp 1677729535 198.51.100.7 50000 typ srflx raddr 0.0.0.0 rport 0",
        "1 1 udp 2130706431 2001:db8::9 50000 typ host",
        "1 1 udp 2147483647 192.0.2.9 50000 TYP HOST",
        "1 1 udp 2130706431 192.0.2.9 9 typ host",
        "\tcandidate:1  1  udp  2130706431  192.0.2.9  50000  typ  host\r\n",
        "1 1 udp 1677729535 198.51.100.7 50000 typ srflx raddr hidden.local rport none",
        "1 1 udp 41885439 198.51.100.7 50000 typ relay raddr :: rport 0 network-cost 999 x-new",
        "1 1 udp 2130706431 192.0.2.9 50000 typ host generation 1 ufrag x1Yz network-cost",
    ],
)
def test_read_offer_candidates_that_can_be_paired(line: str) -> None:
    assert read_candidate(line) is not None


def test_read_candidate_takes_an_address_of_ipv4_for_what_it_is() -> None:
    candidate = read_candidate("1 1 udp 2130706431 ::ffff:192.0.2.9 50000 typ host")
    assert candidate is not None
    assert candidate.ip == "192.0.2.9"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "garbage",
        "1 1 udp 2130706431 0b6f0d0f-9c3d-4c8e-8d2f-a1b2c3d4e5f6.local 50000 typ host",
        "1 1 udp 2130706431 example.org 50000 typ host",
        "1 1 tcp 2130706431 192.0.2.9 9 typ host tcptype active",
        "1 2 udp 2130706431 192.0.2.9 50000 typ host",
        "1 1 udp 2130706431 192.0.2.9 0 typ host",
        "1 1 udp 2130706431 192.0.2.9 70000 typ host",
        "1 1 udp 2130706431 192.0.2.9 -1 typ host",
        "1 1 udp 0 192.0.2.9 50000 typ host",
        "1 1 udp 99999999999 192.0.2.9 50000 typ host",
        "1 1 udp x 192.0.2.9 50000 typ host",
        "1 1 udp 2130706431 0.0.0.0 50000 typ host",
        "1 1 udp 2130706431 224.0.0.1 50000 typ host",
        "1 1 udp 2130706431 fe80::1%eth0 50000 typ host",
        "1 1 udp 2130706431 ::ffff:0.0.0.0 50000 typ host",
        "1 1 udp 2130706431 192.0.2.9 50000 typ prflx",
        "1 1 ssltcp 2130706431 192.0.2.9 443 typ host",
    ],
)
def test_read_offer_candidates_that_cannot(line: str) -> None:
    assert read_candidate(line) is None


@given(
    st.text(max_size=100)
    | st.lists(st.text(st.characters(codec="ascii"), max_size=8), max_size=12).map(" ".join)
)
def test_read_offer_any_candidate_text_is_read_or_ignored(text: str) -> None:
    read_candidate(text)


@given(st.text(max_size=300).map(lambda text: "v=0\r\n" + text))
def test_read_offer_any_text_is_read_or_refused(text: str) -> None:
    with suppress(UnusableDescription):
        read_offer(text)


@settings(max_examples=examples(300))
@given(st.data())
def test_read_offer_mutated_offer_is_read_or_refused(data: st.DataObject) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        action = data.draw(st.sampled_from(["drop", "double", "swap", "cut", "digit", "text"]))
        if action == "drop" and len(lines) > 1:
            del lines[at]
        elif action == "double":
            lines.insert(at, lines[at])
        elif action == "swap":
            other = data.draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], lines[at]
        elif action == "cut":
            lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))]
        elif action == "digit":
            lines[at] = re.sub(r"\d+", str(data.draw(st.integers(-1, 1 << 40))), lines[at], count=1)
        else:
            lines[at] = lines[at][:2] + data.draw(st.text(max_size=30))
    with suppress(UnusableDescription):
        read_offer("\r\n".join(lines))


def test_way_is_told_where_sound_has_a_section_for_each() -> None:
    speaker = AUDIO.replace("a=sendrecv", "a=recvonly")
    microphone = AUDIO.replace("a=sendrecv", "a=sendonly").replace("a=mid:0", "a=mid:3")
    head = HEAD.replace("BUNDLE 0 1 2", "BUNDLE 0 1 3")
    two = read_offer(head + speaker + VIDEO + microphone)
    assert [two.way_of(each) for each in two.media] == ["recvonly", None, "sendonly"]
    one = read_offer(BROWSER_OFFER)
    assert {one.way_of(each) for each in one.media} == {None}
