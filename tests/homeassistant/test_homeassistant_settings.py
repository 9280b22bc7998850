"""The section [homeassistant]."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agent.homeassistant.homeassistant_settings import HomeAssistantSettings
from agent.options import is_live


def test_home_assistant_is_off_unless_it_is_wanted() -> None:
    settings = HomeAssistantSettings()
    assert (settings.enabled, settings.prefix, settings.name) == (False, "homeassistant", "")


@pytest.mark.parametrize("prefix", ["", "a//b", "home/+", "#", "$SYS"])
def test_prefix_that_is_no_topic_is_refused(prefix: str) -> None:
    with pytest.raises(ValidationError, match="prefix"):
        HomeAssistantSettings(prefix=prefix)


def test_all_of_it_is_applied_by_a_reload() -> None:
    assert all(is_live(field) for field in HomeAssistantSettings.model_fields.values())
