"""What stands in a running device beside its calls and its connection: phase, camera, disk, and
the parts that do not work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from agent.errors import MediaError, MediaUnavailable
from agent.service.status_snapshot import Camera, Phase


class DeviceState:
    """Made before everything else: parts tell it, and whoever shows it is told of each change.

    `camera` names the source. Belongs to the event loop.
    """

    def __init__(self, camera: str) -> None:
        self.phase = Phase.STARTING
        self.camera = Camera(name=camera)
        # why the disk does not keep call records
        self.records_trouble: str | None = None
        # of the policy: `action`, and `until` when
        self.override: dict[str, str | None] | None = None
        # camera and microphone are closed, and stay so
        self.privacy = False
        # another device that calls itself as we do
        self.rival: str | None = None
        # the broker takes our status, and gives it to nobody
        self.unheard: dict[str, str] = {}
        self._faults: dict[str, str] = {}
        self._lost: dict[str, str] = {}
        self._stuck: dict[str, str] = {}
        self._observers: list[Callable[[], None]] = []

    @property
    def faults(self) -> dict[str, str]:
        """Optional parts that do not work, by name, and why."""
        return dict(self._faults)

    @property
    def camera_word(self) -> Literal["ok", "missing"] | None:
        """As `status` has it; None while nobody has looked."""
        if self.camera.missing is not None:
            return "missing"
        return "ok" if self.camera.looked_for else None

    @property
    def lost(self) -> dict[str, str]:
        """Ends of the sound card that do not work, `microphone` and `speaker`, and why."""
        return dict(self._lost)

    @property
    def stuck(self) -> dict[str, str]:
        """Buttons that nobody can hold for so long, and why."""
        return dict(self._stuck)

    def on_change(self, observer: Callable[[], None]) -> None:
        """Call `observer` after each change, for as long as this lives."""
        self._observers.append(observer)

    def changed(self) -> None:
        """Something that is shown beside this is different now."""
        for observer in self._observers:
            observer()

    def enter(self, phase: Phase) -> None:
        self.phase = phase
        self.changed()

    def camera_looked_for(self, missing: str | None) -> None:
        """`missing` says why there is no camera; None where there is one."""
        self.camera = replace(self.camera, looked_for=True, missing=missing)
        self.changed()

    def camera_failed(self, failure: MediaError | None) -> None:
        """The camera could not be opened, or stopped in a call and could not be opened again; None:
        it works.

        `callbox status` shows it. That a call waited in vain for frames is for the watchdog, which
        learns it from the frames themselves: a restart mends a wedged driver, yet not a missing
        camera.
        """
        reason = None if failure is None else str(failure)
        if reason != self.camera.missing:
            self.camera_looked_for(reason)

    def sound_failed(self, end: str, fault: MediaUnavailable | None) -> None:
        """An end of the sound card is lost, in a call; None: it works again. The call goes on."""
        if fault is None:
            self._lost.pop(end, None)
        else:
            self._lost[end] = str(fault)
        self.changed()

    def button_stuck(self, button: str, stuck: bool) -> None:
        """A button has been held for longer than anybody does; or was let go."""
        if stuck:
            self._stuck[f"button {button}"] = "it is held, or its wires touch"
        else:
            self._stuck.pop(f"button {button}", None)
        self.changed()

    def records_changed(self, trouble: str | None) -> None:
        """The disk keeps call records no more, because of `trouble`; or does again."""
        self.records_trouble = trouble
        self.changed()

    def override_changed(self, override: dict[str, str | None] | None) -> None:
        """An operator answers for the rules of the policy; None: they decide."""
        self.override = override
        self.changed()

    def privacy_changed(self, on: bool) -> None:
        """Camera and microphone are closed from now on, or may be opened again."""
        self.privacy = on
        self.changed()

    def rival_seen(self, rival: str | None) -> None:
        """Another device calls itself as we do; None: not any more."""
        if self.rival != rival:
            self.rival = rival
            self.changed()

    def heard(self, topic: str, why_not: str | None) -> None:
        """Whether what we say on `topic` can be heard; None: it can."""
        unheard = {} if why_not is None else {topic: why_not}
        if self.unheard != unheard:
            self.unheard = unheard
            self.changed()

    def part_failed(self, part: str, reason: str | None) -> None:
        """An optional part does not work, and why; None: it does."""
        if self._faults.get(part) == reason:
            return
        if reason is None:
            del self._faults[part]
        else:
            self._faults[part] = reason
        self.changed()
