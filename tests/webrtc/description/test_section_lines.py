"""One media section as lines."""

from __future__ import annotations

import pytest

from agent.errors import UnusableDescription
from agent.webrtc.description.section_lines import (
    MediaSection,
    plain_lines,
    sctp_port,
    session_lines,
    split,
)
from tests.webrtc.description.variants import AUDIO, DATA, HEAD, LONG_MID, VIDEO, change


def section(text: str) -> MediaSection:
    return split(text.splitlines())[1][0]


def plain(text: str) -> list[str]:
    read = section(text)
    return plain_lines(read, read, HEAD.splitlines(), {}, "sendrecv")


def test_section_reads_its_media_line() -> None:
    read = section("m=audio 9/2  UDP/TLS/RTP/SAVPF 111  9\r\na=mid:x\r\na=recvonly")
    assert (read.kind, read.port, read.protocol) == ("audio", 9, "UDP/TLS/RTP/SAVPF")
    assert (read.formats, read.mid, read.direction("sendrecv")) == (["111", "9"], "x", "recvonly")


def test_section_without_a_media_line_is_refused() -> None:
    with pytest.raises(UnusableDescription, match="media section 0"):
        section("m=audio\r\na=mid:0")


def test_plain_lines_leave_out_what_nobody_reads() -> None:
    noisy = change("a=mid:1", "a=mid:1\r\na=x-vendor:1\r\na=rid:h send\r\na=ssrc:1 x", VIDEO)
    assert plain(noisy) == plain(VIDEO)


def test_plain_lines_of_a_long_mid_have_no_extension_for_it() -> None:
    """RTP's one-byte header extensions carry 16 characters."""
    assert any("sdes:mid" in line for line in plain(VIDEO))
    long = change("a=mid:1", f"a=mid:{LONG_MID}", VIDEO)
    assert not any("sdes:mid" in line for line in plain(long))


def test_plain_lines_keep_only_formats_that_are_described() -> None:
    head, *_ = plain(change("111 9", "111 9 126", AUDIO))
    assert head == "m=audio 9 UDP/TLS/RTP/SAVPF 111 9"


@pytest.mark.parametrize(
    ("old", "new", "port"),
    [
        ("a=sctp-port:5000", "a=sctp-port:5001", 5001),
        ("a=sctp-port:5000", "a=sctpmap:5002 webrtc-datachannel 1024", 5002),
        ("a=sctp-port:5000", "a=x:1", None),
        ("a=sctp-port:5000", "a=sctp-port:0", None),
        ("a=sctp-port:5000", "a=sctp-port:70000", None),
    ],
)
def test_sctp_port(old: str, new: str, port: int | None) -> None:
    assert sctp_port(section(change(old, new, DATA))) == port


def test_session_lines_keep_what_all_sections_share() -> None:
    lines = ["v=0", "s=-", "a=msid-semantic: WMS", "a=ice-ufrag:abcd", "a=ice-lite", "b=AS:1"]
    assert session_lines(lines) == ["v=0", "s=-", "a=ice-ufrag:abcd", "a=ice-lite"]
