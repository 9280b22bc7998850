"""The tree of settings, composed of the sections of each room."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from agent.options import Section
from agent.settings.models import CARRIED_OUT, DEFAULT_COMMANDS, Settings, default_uid
from agent.signaling.protocol.messages import COMMANDS
from agent.signaling.protocol.topics import is_uid


def test_default_uid_is_a_uid() -> None:
    assert is_uid(default_uid())


def test_default_commands_show_and_open_nothing() -> None:
    assert set(DEFAULT_COMMANDS) == {"close", "reject", "mute", "reload"}
    assert set(CARRIED_OUT) <= set(COMMANDS)


def test_every_table_is_a_section() -> None:
    tables = [
        field.annotation
        for field in Settings.model_fields.values()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    ]
    assert tables
    assert all(issubclass(table, Section) for table in tables)


@pytest.mark.parametrize("commands", [["dance"], "close"])
def test_commands_that_are_none_are_refused(commands: object) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"uid": "door-1", "commands": commands})


def test_settings_made_directly_read_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBOX_UID", "other")
    assert Settings(uid="door-1").uid == "door-1"
