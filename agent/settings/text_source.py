"""Values of flat names with `__` in them: of the environment, and of credentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel
from pydantic_settings import BaseSettings, EnvSettingsSource


class TextSource(EnvSettingsSource):
    """pydantic-settings' reading of them, on a mapping of ours. Unreadable JSON stays text."""

    def __init__(self, model: type[BaseModel], texts: Mapping[str, str]) -> None:
        # it reads a model's fields and its `model_config`, which any model has
        known = cast("type[BaseSettings]", model)
        super().__init__(known, env_prefix="", env_nested_delimiter="__")
        self.env_vars = texts

    def decode_complex_value(self, field_name: str, field: Any, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            # the model says what it should have been, and where
            return value
