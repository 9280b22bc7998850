"""Lengths of time as fields of settings."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from agent.core.policy.duration_fields import Duration, LongDuration


class Section(BaseModel):
    ring_time: Duration = 30.0
    retention: LongDuration = 86_400.0


def test_fields_are_written_as_people_write_them() -> None:
    section = Section.model_validate({"ring_time": "1m30s", "retention": "400d"})
    assert (section.ring_time, section.retention) == (90.0, 400 * 86_400.0)


def test_field_of_more_than_seven_days_is_refused_but_for_what_is_kept() -> None:
    with pytest.raises(ValidationError, match="7 days"):
        Section.model_validate({"ring_time": "400d"})
