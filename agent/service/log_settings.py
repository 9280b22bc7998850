"""The settings of the log."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from agent.options import LIVE, Section


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class LogSettings(Section):
    """What the daemon says to the journal or the terminal."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], BeforeValidator(_lower), LIVE
    ] = Field(
        default="info",
        description="debug, info, warning or error. Only debug may show session descriptions.",
    )
