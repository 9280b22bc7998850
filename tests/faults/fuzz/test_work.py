"""What a message costs is bounded: counted in lines of Python that run, for a clock would measure
the machine.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from agent.errors import CallboxError
from agent.signaling.protocol.json_limits import MAX_PAYLOAD, read_object
from agent.signaling.protocol.translation import _sends_media
from agent.webrtc.description.remote_description import read_offer
from tests.webrtc.offers import BROWSER_OFFER

# characters of a description
MOST = 48 * 1024
IN_VIDEO = "a=rtcp-rsize\r\n"
# lines of Python: a tenth of a second on a desk, two on the smallest board
A_MESSAGE = 400_000


def work(function: Callable[[Any], object], argument: object) -> int:
    """Lines that ran, in this function and in all that it calls."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with contextlib.suppress(CallboxError):
            function(argument)
    finally:
        sys.settrace(before)
    return count


def crowded(*lines: str, room: int = MOST) -> str:
    """A browser's offer with as many of these lines in its video section as fit."""
    head, tail = BROWSER_OFFER.split(IN_VIDEO)
    each = (room - len(BROWSER_OFFER)) // len(lines)
    inserted = "".join(f"{line}\r\n" * (each // (len(line) + 2)) for line in lines)
    return f"{head}{inserted}{IN_VIDEO}{tail}"


@pytest.mark.parametrize(
    "lines",
    [
        ("a=rtpmap:1 A/9", "a=rtcp-fb:* n"),
        ("a=rtpmap:102 A/9", "a=fmtp:102 x"),
        ("a=ssrc:1 a:b",),
        ("a=extmap:1 x",),
        ("a=x",),
        ("m=video 9 UDP/TLS/RTP/SAVPF 1",),
        ("a=candidate:1 1 udp 1 192.0.2.1 9 typ host",),
    ],
    ids=lambda lines: lines[-1],
)
@pytest.mark.parametrize("room", [8 * 1024, 16 * 1024, MOST])
def test_no_description_keeps_the_device_busy(lines: tuple[str, ...], room: int) -> None:
    assert work(read_offer, crowded(*lines, room=room)) < A_MESSAGE


def test_a_browsers_offer_is_far_from_the_limits() -> None:
    assert 500 < work(read_offer, BROWSER_OFFER) < A_MESSAGE / 20


@pytest.mark.parametrize("pattern", ["[]", '"\\"', '{"', '["a",', "[", '"', "\\"])
def test_no_payload_keeps_the_device_busy(pattern: str) -> None:
    inside = (pattern * MAX_PAYLOAD)[: MAX_PAYLOAD - 20]
    for payload in (inside, f'{{"a":[{inside}]}}', f"{'[' * 17}{inside}"):
        assert work(read_object, payload.encode()) < A_MESSAGE


class Counted(str):
    """Text that counts how much of it is split."""

    split_up = 0

    def split(self, *arguments: Any, **options: Any) -> list[Any]:
        Counted.split_up += len(self)
        return [Counted(each) for each in super().split(*arguments, **options)]

    def __radd__(self, other: str) -> Counted:
        return Counted(other + str(self))


def test_sections_do_not_split_the_session_again_and_again() -> None:
    sdp = "v=0\na=inactive\n" + "a\n" * 10_000 + "\nm=audio 1" * 2_000
    Counted.split_up = 0
    _sends_media(Counted(sdp))
    assert len(sdp) <= Counted.split_up < 5 * len(sdp)
