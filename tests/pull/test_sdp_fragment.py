"""Candidates after the offer, as clients write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.call.values import IceCandidate
from agent.pull.sdp_fragment import ice_ufrag, read_fragment, with_candidates

HOST = "1 1 udp 2130706431 192.0.2.9 50000 typ host"


def test_fragment_of_a_browser_names_section_and_end() -> None:
    """As whip-whep writes it: credentials in the session, the end in each section."""
    fragment = read_fragment(
        "a=ice-ufrag:abcd\r\na=ice-pwd:secret\r\n"
        f"m=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:{HOST}\r\na=end-of-candidates\r\n"
        "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:1\r\na=end-of-candidates\r\n"
    )
    assert (fragment.ufrag, fragment.password) == ("abcd", "secret")
    assert fragment.candidates == (IceCandidate(f"candidate:{HOST}", "0"), None)


def test_fragment_of_mediamtx_has_the_attribute_twice() -> None:
    """Its client puts pion's candidate, prefix included, behind the attribute's name."""
    fragment = read_fragment(
        "m=video 9 UDP/TLS/RTP/SAVPF 105\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:secret\r\n"
        f"a=candidate:candidate:{HOST}\r\n"
    )
    assert fragment.ufrag == "abcd"
    assert fragment.candidates == (IceCandidate(f"candidate:{HOST}", "0"),)


def test_fragment_without_mid_names_the_place() -> None:
    fragment = read_fragment(f"m=audio 9 X 0\nm=video 9 X 0\na=candidate:{HOST}\n")
    assert fragment.candidates == (IceCandidate(f"candidate:{HOST}", None, 1),)


@pytest.mark.parametrize("text", ["no line", "a=ok\r\n<html>", "a=x\n" * 401])
def test_what_is_no_fragment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="line"):
        read_fragment(text)


@given(st.text())
def test_fragment_of_anybody_is_read_or_refused(text: str) -> None:
    try:
        fragment = read_fragment(text)
    except ValueError:
        return
    assert fragment.candidates.count(None) <= 1


def test_candidates_go_into_the_section_that_they_name() -> None:
    answer = (
        "v=0\r\nm=audio 0 X 0\r\nm=video 9 X 0\r\na=mid:v\r\na=ice-ufrag:u\r\nm=audio 9 X 0\r\n"
    )
    found = IceCandidate(f"candidate:{HOST}", "v", 1)
    lines = with_candidates(answer, [found], ended=True).splitlines()
    assert lines[-3:] == [f"a=candidate:{HOST}", "a=end-of-candidates", "m=audio 9 X 0"]
    unnamed = with_candidates(answer, [IceCandidate(HOST)], ended=False).splitlines()
    assert unnamed[-2:] == [f"a=candidate:{HOST}", "m=audio 9 X 0"]


def test_answer_that_is_complete_stays_as_it_is() -> None:
    answer = "v=0\r\nm=video 9 X 0\r\na=ice-ufrag:u\r\na=end-of-candidates\r\n"
    assert with_candidates(answer, [], ended=True) == answer


def test_ufrag_is_that_of_the_first_section() -> None:
    assert ice_ufrag("v=0\r\na=ice-ufrag:a+b/1\r\na=ice-ufrag:c\r\n") == "a+b/1"
    assert ice_ufrag("v=0\r\n") is None
