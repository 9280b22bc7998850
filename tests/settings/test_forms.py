"""The forms of single values that no other room owns."""

from __future__ import annotations

import pytest

from agent.settings.forms import check_topic_prefix, check_uid, check_verb


def test_check_uid_of_a_uid() -> None:
    assert check_uid("door-1") == "door-1"


@pytest.mark.parametrize("uid", ["", "-x", "a/b", "a" * 65])
def test_check_uid_of_anything_else(uid: str) -> None:
    with pytest.raises(ValueError, match="is not a uid"):
        check_uid(uid)


@pytest.mark.parametrize("prefix", ["", "a/#", "$SYS", "a//b"])
def test_check_topic_prefix_that_cannot_begin_a_topic(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        check_topic_prefix(prefix)


def test_check_verb_of_a_command_and_of_none() -> None:
    assert check_verb("snapshot") == "snapshot"
    with pytest.raises(ValueError, match="'dance' is not one of call"):
        check_verb("dance")
