"""Which of camera and microphone are open."""

from __future__ import annotations

from agent.media.open_devices import OpenDevices


def test_open_devices_tell_when_the_first_opens_and_the_last_closes() -> None:
    devices, told = OpenDevices(), list[bool]()
    devices.subscribe(told.append)
    camera, microphone = devices.watcher("camera"), devices.watcher("microphone")
    camera(True)
    microphone(True)
    camera(True)
    camera(False)
    assert told == [True]
    assert devices.names == {"microphone"}
    microphone(False)
    microphone(False)
    assert told == [True, False]
