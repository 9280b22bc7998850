from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from agent.device.overview import Overview
from agent.device.supervision import Supervision
from agent.service.status_snapshot import Camera


def test_a_camera_that_failed_is_shown_until_it_works_again() -> None:
    overview = SimpleNamespace(camera=Camera("picamera2"), snapshot=None, vitals=None, changed=None)
    supervision = Supervision("door-1", cast("Overview", overview), lambda: None, {})
    supervision.camera_failed("no picture for 3 s")
    assert overview.camera == Camera("picamera2", looked_for=True, missing="no picture for 3 s")
    supervision.camera_failed(None)
    assert overview.camera == Camera("picamera2", looked_for=True, missing=None)
