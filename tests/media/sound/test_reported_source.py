"""A microphone whose card says when it is open."""

from __future__ import annotations

import pytest

from agent.errors import MediaUnavailable
from agent.media.sound.pcm import PcmSource
from agent.media.sound.reopening import SilentSource
from agent.media.sound.reported_source import ReportedSource


def test_reported_source_tells_before_it_opens_and_after_it_has_closed() -> None:
    told: list[object] = []

    def opened() -> PcmSource:
        told.append("opened")
        return SilentSource()

    source = ReportedSource(opened, told.append)
    assert told == [True, "opened"]
    assert source.read()
    assert source.delay() > 0
    source.close()
    assert told == [True, "opened", False]


def test_reported_source_that_cannot_be_opened_is_closed() -> None:
    told: list[object] = []

    def missing() -> PcmSource:
        raise MediaUnavailable("no card")

    with pytest.raises(MediaUnavailable):
        ReportedSource(missing, told.append)
    assert told == [True, False]
