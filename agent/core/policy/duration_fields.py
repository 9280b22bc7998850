"""Lengths of time as fields of settings."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

from agent.core.policy.durations import parse_duration, parse_retention

Duration = Annotated[float, BeforeValidator(parse_duration)]
"""Seconds, written as a duration or a number."""

LongDuration = Annotated[float, BeforeValidator(parse_retention)]
"""The same, up to ten years."""
