"""An output that goes off by itself."""

from __future__ import annotations

import threading

import pytest

from agent.core.door.pulse import Pulse
from agent.doorbell.output_line import OutputFailed
from agent.doorbell.timed_output import TimedOutput
from tests.waiting import PATIENCE


class TestLine:
    """Keeps what it was told; `broken` says what fails."""

    __test__ = False

    def __init__(self) -> None:
        self.levels: list[bool] = []
        self.broken: set[bool] = set()
        self.closed = False

    def write(self, on: bool) -> None:
        if on in self.broken:
            raise OutputFailed("the pin does not answer")
        self.levels.append(on)

    def close(self) -> None:
        self.closed = True
        self.levels.append(False)


class Scene:
    def __init__(self, pulse: Pulse) -> None:
        self.line = TestLine()
        self.changes: list[bool] = []
        self.faults: list[str | None] = []
        self.is_off = threading.Event()
        self.output = TimedOutput(
            "door",
            lambda: self.line,
            pulse,
            on_change=self._changed,
            on_fault=self.faults.append,
        )

    def _changed(self, on: bool) -> None:
        self.changes.append(on)
        if not on:
            self.is_off.set()


def test_timed_output_goes_off_by_itself_without_an_event_loop() -> None:
    scene = Scene(Pulse(5.0))
    scene.output.start()
    assert scene.output.on(0.01)
    assert scene.is_off.wait(PATIENCE)
    assert (scene.line.levels, scene.changes) == ([True, False], [True, False])
    scene.output.stop()
    assert scene.line.closed


def test_timed_output_is_off_after_its_stop() -> None:
    scene = Scene(Pulse(None))
    scene.output.start()
    scene.output.on()
    assert scene.output.is_on
    scene.output.stop()
    scene.output.stop()
    assert not scene.output.is_on
    assert scene.line.levels[-1] is False
    with pytest.raises(OutputFailed, match="stopping"):
        scene.output.on()


def test_timed_output_switches_off_again_until_the_line_takes_it() -> None:
    scene = Scene(Pulse(5.0))
    scene.output.start()
    scene.line.broken = {False}
    scene.output.on(0.01)
    assert scene.is_off.wait(PATIENCE)
    scene.line.broken = set()
    deadline = threading.Event()
    while scene.line.levels != [True, False]:
        assert not deadline.wait(0.01)
    assert "the pin does not answer" in scene.faults
    scene.output.stop()


def test_timed_output_that_does_not_go_on_is_off() -> None:
    scene = Scene(Pulse(5.0))
    scene.output.start()
    scene.line.broken = {True}
    with pytest.raises(OutputFailed, match="does not answer"):
        scene.output.on(1.0)
    assert not scene.output.is_on
    assert scene.faults[-1] == "the pin does not answer"
    scene.line.broken = set()
    assert scene.output.on(1.0)
    assert scene.faults[-1] is None
    scene.output.stop()


def test_timed_output_opens_a_line_that_was_missing_when_it_is_needed() -> None:
    scene, there = Scene(Pulse(5.0)), False

    def open_line() -> TestLine:
        if not there:
            raise OutputFailed("no such chip")
        return scene.line

    output = TimedOutput("door", open_line, Pulse(5.0), on_fault=scene.faults.append)
    output.start()
    with pytest.raises(OutputFailed, match="no such chip"):
        output.on(1.0)
    there = True
    assert output.on(1.0)
    assert scene.faults == ["no such chip", "no such chip", None]
    output.off()
    assert scene.line.levels == [True, False]
    output.stop()


def test_timed_output_that_listens_badly_goes_off_all_the_same() -> None:
    line, gone_off = TestLine(), threading.Event()

    def listen(on: bool) -> None:
        if not on:
            gone_off.set()
            raise RuntimeError("a bad listener")

    output = TimedOutput("door", lambda: line, Pulse(5.0), on_change=listen)
    output.start()
    output.on(0.01)
    assert gone_off.wait(PATIENCE)
    gone_off.clear()
    # its thread goes on
    output.on(0.01)
    assert gone_off.wait(PATIENCE)
    output.stop()
