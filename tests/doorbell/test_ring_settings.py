"""[ring] and [[ring.list]]."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from agent.core.call.reasons import CallMode
from agent.doorbell.ring_settings import RingListSettings, RingSettings


def test_ring_as_documented_is_understood() -> None:
    ring = RingSettings.model_validate(
        {
            "targets": ["alice", "bob"],
            "mode": "sequential",
            "ring_time": "20s",
            "rounds": 2,
            "at_most": "6/m",
            "preview": True,
            "reply_after": "20s",
            "nobody_home": "record",
            "list": [{"name": "night", "hours": "22:00-07:00", "targets": ["bob"]}],
        }
    )
    assert (ring.mode, ring.ring_time, ring.reply_after) == (CallMode.SEQUENTIAL, 20.0, 20.0)
    assert (ring.rate.calls, ring.rate.window) == (6, 60.0)
    assert ring.list[0].as_list.targets == ("bob",)


def test_nobody_is_rung_by_default() -> None:
    ring = RingSettings()
    assert (ring.targets, ring.preview, ring.reply_after) == ((), False, None)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"targets": ["family-*"]}, "family-"),
        ({"ring_time": "3m"}, "120"),
        ({"at_most": "often"}, "COUNT/TIME"),
        ({"do_not_disturb": "22-7"}, "HH:MM-HH:MM"),
        ({"reply_after": "20s"}, "reply_after"),
        ({"list": [{"name": "a", "targets": ["b"]}] * 2}, "same name"),
    ],
)
def test_ring_that_cannot_be_meant_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        RingSettings.model_validate(values)


def test_list_with_days_that_are_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="funday"):
        RingListSettings.model_validate({"name": "a", "days": ["funday"], "targets": ["b"]})
