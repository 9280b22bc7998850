"""What every section of the settings is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic_core import PydanticCustomError


def _no_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} should be a number")  # noqa: TRY004 - what pydantic collects
    return value


Whole = Annotated[int, BeforeValidator(_no_boolean)]
Real = Annotated[float, BeforeValidator(_no_boolean)]


def conflict(key: str, text: str) -> PydanticCustomError:
    """Two settings that do not go together: `key` is the one to name, `text` says why, values
    included.
    """
    return PydanticCustomError("conflict", "{text}", {"key": key, "text": text})


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
