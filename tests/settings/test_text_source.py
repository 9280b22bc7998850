"""Values of flat names."""

from __future__ import annotations

from agent.settings.models import Settings
from agent.settings.text_source import TextSource


def test_names_become_a_tree() -> None:
    texts = {"uid": "door-1", "mqtt__host": "broker.lan", "mqtt__tls__enabled": "true"}
    assert TextSource(Settings, texts)() == {
        "uid": "door-1",
        "mqtt": {"host": "broker.lan", "tls": {"enabled": "true"}},
    }


def test_json_is_read_where_the_setting_is_no_text() -> None:
    texts = {"commands": '["close"]', "video": '{"framerate": 10}', "uid": '["close"]'}
    assert TextSource(Settings, texts)() == {
        "commands": ["close"],
        "video": {"framerate": 10},
        "uid": '["close"]',
    }


def test_unreadable_json_stays_text() -> None:
    texts = {"commands": "[close", "video": "{"}
    assert TextSource(Settings, texts)() == texts
