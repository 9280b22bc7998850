"""What stands in a running device, and who is told of a change."""

from __future__ import annotations

import pytest

from agent.device.device_state import DeviceState
from agent.errors import MediaUnavailable
from agent.service.status_snapshot import Camera, Phase


@pytest.fixture
def state() -> DeviceState:
    return DeviceState("picamera2")


def test_camera_that_failed_is_shown_until_it_works_again(state: DeviceState) -> None:
    state.camera_failed(MediaUnavailable("no picture for 3 s"))
    assert state.camera == Camera("picamera2", looked_for=True, missing="no picture for 3 s")
    state.camera_failed(None)
    assert state.camera == Camera("picamera2", looked_for=True, missing=None)


def test_sound_that_is_lost_stands_until_it_is_back(state: DeviceState) -> None:
    told: list[None] = []
    state.on_change(lambda: told.append(None))
    state.sound_failed("microphone", MediaUnavailable("it is not plugged in"))
    state.sound_failed("speaker", MediaUnavailable("busy"))
    assert state.lost == {"microphone": "it is not plugged in", "speaker": "busy"}
    state.sound_failed("microphone", None)
    state.sound_failed("microphone", None)
    assert state.lost == {"speaker": "busy"}
    assert len(told) == 4


def test_each_change_is_told_once(state: DeviceState) -> None:
    told: list[None] = []
    state.on_change(lambda: told.append(None))
    state.enter(Phase.RUNNING)
    for reason in ("port taken", "port taken", None, None):
        state.part_failed("page", reason)
    assert len(told) == 3


def test_faults_stand_until_the_part_works(state: DeviceState) -> None:
    state.part_failed("page", "port taken")
    assert state.faults == {"page": "port taken"}
    state.part_failed("page", None)
    assert state.faults == {}


def test_records_trouble_is_kept_and_told(state: DeviceState) -> None:
    told: list[str | None] = []
    state.on_change(lambda: told.append(state.records_trouble))
    state.records_changed("disk full")
    state.records_changed(None)
    assert told == ["disk full", None]
