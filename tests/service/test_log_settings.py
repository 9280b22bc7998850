"""The settings of the log."""

from __future__ import annotations

from agent.options import is_live
from agent.service.log_settings import LogSettings


def test_level_from_capitals() -> None:
    assert LogSettings.model_validate({"level": "WARNING"}).level == "warning"


def test_level_is_applied_by_a_reload() -> None:
    assert is_live(LogSettings.model_fields["level"])
