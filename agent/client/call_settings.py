"""The settings of every call."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from agent.options import LIVE, Duration, Real, Section


def _none_if_unlimited(value: object) -> object:
    return None if value in ("", "none") else value


class CallSettings(Section):
    """Limits on every call, whichever rule let it in."""

    setup_timeout: Duration = Field(
        default=15.0,
        le=120,
        description="How long media may take to connect once a call was accepted, then it has "
        "failed.",
    )
    max_duration: Annotated[Duration | None, BeforeValidator(_none_if_unlimited), LIVE] = Field(
        default=3600.0,
        description="No call is longer, so that a forgotten one does not watch a room for "
        'days. "none" lifts it; a '
        "rule's own max_duration can only be shorter.",
    )


class StatsSettings(Section):
    """What is measured during a call."""

    interval: Real = Field(
        default=2.0,
        ge=0.5,
        le=3600,
        description="Seconds between two local_stats and remote_stats of a call.",
    )
