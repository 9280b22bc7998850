"""What an adapter of a button says where it fails."""

from __future__ import annotations

from agent.doorbell.button_line import ButtonFailed


def test_failure_says_why() -> None:
    assert str(ButtonFailed("gpio 17: taken")) == "gpio 17: taken"
