"""The settings of every call."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agent.client.call_settings import CallSettings, StatsSettings
from agent.options import is_live


@pytest.mark.parametrize("written", ["none", ""])
def test_max_duration_from_none_is_lifted(written: str) -> None:
    assert CallSettings.model_validate({"max_duration": written}).max_duration is None


def test_max_duration_is_applied_by_a_reload() -> None:
    assert is_live(CallSettings.model_fields["max_duration"])
    assert not is_live(CallSettings.model_fields["setup_timeout"])


def test_setup_timeout_from_a_duration() -> None:
    assert CallSettings.model_validate({"setup_timeout": "1m"}).setup_timeout == 60


def test_stats_interval_out_of_range_is_refused() -> None:
    with pytest.raises(ValidationError):
        StatsSettings(interval=0.1)
