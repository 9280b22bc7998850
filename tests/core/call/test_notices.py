"""Notices are frozen and complete in their union."""

from __future__ import annotations

from typing import get_args

from agent.core.call import notices
from tests.core.call.vocabulary import classes_of, is_frozen


def test_notice_names_every_class_of_the_module() -> None:
    assert set(get_args(notices.Notice)) == classes_of(notices)


def test_notices_are_frozen_values() -> None:
    assert all(map(is_frozen, classes_of(notices)))
