"""What has come of a call's media, and until when the first of it is awaited."""

from __future__ import annotations

import pytest

from agent.core.call.call_media import CallMedia
from agent.core.call.machine import Refused
from agent.core.call.values import MediaGrant


def test_call_media_awaits_only_what_was_promised() -> None:
    media = CallMedia(MediaGrant())
    media.await_first(100.0, 15.0)
    assert media.deadline is None
    media.expected = True
    media.await_first(100.0, 15.0)
    media.await_first(110.0, 15.0)
    assert media.deadline == 115.0


def test_call_media_is_not_awaited_in_silence() -> None:
    media = CallMedia(MediaGrant(), expected=True)
    media.await_first(100.0, 15.0)
    media.suspend()
    assert media.deadline is None
    media.await_first(110.0, 15.0)
    assert media.deadline == 125.0


def test_call_media_that_came_is_awaited_no_more() -> None:
    media = CallMedia(MediaGrant(), expected=True)
    media.await_first(100.0, 15.0)
    media.receive("audio", "opus")
    assert (media.tracks, media.deadline, media.expected) == ((("audio", "opus"),), None, False)


def test_call_media_takes_each_kind_once() -> None:
    media = CallMedia(MediaGrant())
    media.receive("audio", "opus")
    with pytest.raises(Refused, match="audio was received before"):
        media.receive("audio", "pcmu")
    media.receive("video", "H264")
    assert media.tracks == (("audio", "opus"), ("video", "H264"))
