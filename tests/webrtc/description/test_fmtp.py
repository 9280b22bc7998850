"""Codec lines of strangers."""

from __future__ import annotations

import pytest

from agent.webrtc.description.fmtp import (
    plain_profile,
    read_fmtp,
    read_parameter_sets,
    read_rtpmap,
    write_fmtp,
)


@pytest.mark.parametrize(
    "line",
    [
        "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f",
        "a=fmtp:102  Packetization-Mode=1 ; PROFILE-LEVEL-ID=42e01f;",
        "a=fmtp:102\tpacketization-mode = 1;\tprofile-level-id=42e01f;;",
    ],
)
def test_read_fmtp_is_the_same_however_it_is_written(line: str) -> None:
    parameters = {"packetization-mode": "1", "profile-level-id": "42e01f"}
    assert read_fmtp(line) == (102, parameters)
    assert write_fmtp(102, parameters) == "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f"


def test_read_fmtp_keeps_a_parameter_without_a_value() -> None:
    assert read_fmtp("a=fmtp:0 0-15") == (0, {"0-15": None})
    assert write_fmtp(0, {"0-15": None}) == "a=fmtp:0 0-15"


@pytest.mark.parametrize("line", ["a=fmtp:", "a=fmtp:x a=1", "a=fmtp:128 a=1", "a=rtpmap:1 a"])
def test_read_fmtp_of_nonsense_is_none(line: str) -> None:
    assert read_fmtp(line) is None


def test_read_fmtp_leaves_out_what_is_no_number() -> None:
    assert read_fmtp("a=fmtp:97 apt=x;packetization-mode=") == (97, {})


@pytest.mark.parametrize(
    ("value", "sets"),
    [
        ("Z0LAHg==,aM4=", "00000167 42c01e 000001 68ce"),
        (" Z0LAHg==,aM4", "000001 68ce"),
        ("!,ZUE=,", ""),
        (None, ""),
    ],
)
def test_read_parameter_sets(value: str | None, sets: str) -> None:
    assert read_parameter_sets(value) == bytes.fromhex(sets)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a=rtpmap:111 opus/48000/2", (111, "OPUS", "a=rtpmap:111 opus/48000/2")),
        ("a=rtpmap:102  h264/90000", (102, "H264", "a=rtpmap:102 h264/90000")),
        ("a=rtpmap:128 H264/90000", None),
        ("a=rtpmap:102 H264", None),
    ],
)
def test_read_rtpmap(line: str, expected: tuple[int, str, str] | None) -> None:
    assert read_rtpmap(line) == expected


@pytest.mark.parametrize(
    ("offered", "plain"),
    [
        ("42e01f", "42e01f"),
        ("42E01F", "42e01f"),
        ("42e03c", "42e034"),
        ("42e03e", "42e034"),
        ("42e009", "42e00a"),
        ("42f00b", "42e00b"),
        ("42000b", "42000b"),
        ("42401f", "42e01f"),
        ("640c1f", "64001f"),
        ("4d401f", "4d001f"),
        ("4D0029", "4d0029"),
        ("4d801f", "42e01f"),
        ("58c01f", "42e01f"),
        ("58a01f", "42001f"),
        ("58201f", None),
        ("6e001f", None),
        ("42e0", None),
        ("profil", None),
    ],
)
def test_plain_profile_knows_every_level(offered: str, plain: str | None) -> None:
    assert plain_profile(offered) == plain
