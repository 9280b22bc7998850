"""Names of a device in Home Assistant's topics and ids."""

from __future__ import annotations

import re

from agent.homeassistant.features import birth_topic, config_topic, slug


def test_slug_is_the_uid_where_home_assistant_takes_it() -> None:
    assert slug("door-1_A") == "door-1_A"


def test_slug_has_no_dot_and_is_nobody_elses() -> None:
    uids = ["door.2", "door_2", "door-2", "door.2.", "door_2."]
    slugs = {slug(uid) for uid in uids}
    assert len(slugs) == len(uids)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", each) for each in slugs)
    assert slug("door.2").startswith("door_2-")


def test_topics_are_those_of_device_discovery() -> None:
    assert config_topic("homeassistant", "door-1") == "homeassistant/device/door-1/config"
    assert "." not in config_topic("homeassistant", "door.1")
    assert birth_topic("ha/test") == "ha/test/status"
