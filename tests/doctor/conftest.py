"""What the doctor's tests share."""

from __future__ import annotations

from tests.media.sound.conftest import pulse

__all__ = ["pulse"]
