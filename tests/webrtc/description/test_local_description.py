"""Our own description, as it goes out."""

from __future__ import annotations

import pytest

from agent.webrtc.description.local_description import declares_profile, publish
from tests.webrtc.offers import BROWSER_OFFER


def test_publish_puts_our_level_into_entries_of_our_profile_only() -> None:
    sdp = publish(BROWSER_OFFER, profile_level_id="42e02a", trickling=False)
    assert sdp.count("profile-level-id=42e02a") == 1
    assert "profile-level-id=42001f" in sdp


def test_publish_of_a_trickling_side_does_not_end_the_candidates() -> None:
    ended = BROWSER_OFFER + "a=end-of-candidates\r\n"
    sdp = publish(ended, profile_level_id=None, trickling=True)
    assert "a=end-of-candidates" not in sdp
    assert "\r\na=ice-options:trickle\r\nm=audio" in sdp
    assert "a=end-of-candidates" in publish(ended, profile_level_id=None, trickling=False)


@pytest.mark.parametrize(
    ("profile_level_id", "offered", "declared"),
    [
        ("42e01f", "42e028", True),
        ("42C028", "42e01f", True),
        ("42e01f", "42001f", True),
        ("42001f", "42e01f", False),
        ("640028", "64001F", True),
        ("640028", "42e01f", False),
        ("42e01f", "640028", False),
    ],
)
def test_declares_profile_by_its_entries(
    profile_level_id: str, offered: str, declared: bool
) -> None:
    sdp = (
        f"m=video 9 UDP/TLS/RTP/SAVPF 102\r\na=fmtp:102 "
        f"packetization-mode=1;profile-level-id={offered}\r\n"
    )
    assert declares_profile(sdp, profile_level_id) is declared
