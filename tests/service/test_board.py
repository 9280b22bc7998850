"""The board that this process runs on."""

from __future__ import annotations

import platform
from pathlib import Path

from agent.service.board import board_model


def test_board_model_from_the_device_tree(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.write_text("Raspberry Pi Zero 2 W Rev 1.0\0")
    assert board_model(model) == "Raspberry Pi Zero 2 W Rev 1.0"


def test_board_model_without_a_device_tree_is_the_architecture(tmp_path: Path) -> None:
    assert board_model(tmp_path / "model") == platform.machine()
