"""Everything that a device switches, as the settings name it: each with its retained topic, and off
at the start and at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Protocol, Self

from agent.core.door.pulse import Pulse
from agent.device.device_state import DeviceState
from agent.device.output_events import DEVICE, OutputEvents
from agent.device.retained import Retained
from agent.doorbell.gpio_line import GpioContact, GpioLine
from agent.doorbell.output_line import OutputFailed, OutputLine, VirtualLine
from agent.doorbell.output_settings import OutputKind, OutputSettings
from agent.doorbell.timed_output import TimedOutput
from agent.errors import NotSupportedError, RefusedError
from agent.signaling.protocol import messages as wire
from agent.signaling.protocol.topics import Topics

# seconds that a level of a contact stands before it is believed
CONTACT_BOUNCE = 0.05
# seconds that a solenoid rests at least
CHIME_REST = 0.5


class Contact(Protocol):
    """Whether a door is open."""

    @property
    def is_open(self) -> bool: ...

    def close(self) -> None: ...


class Silence(Protocol):
    """Whether chimes are to be still."""

    @property
    def silenced(self) -> bool: ...


class OutputParts(Protocol):
    """Where lines come from. Both raise OutputFailed."""

    def line(self, settings: OutputSettings) -> OutputLine: ...

    def contact(self, settings: OutputSettings, changed: Callable[[bool], None]) -> Contact: ...


class BoardParts:
    """Pins of the board, and virtual lines where none is named."""

    def line(self, settings: OutputSettings) -> OutputLine:
        if settings.gpio is None:
            return VirtualLine()
        return GpioLine(settings.gpio, active_high=settings.active == "high", chip=settings.chip)

    def contact(self, settings: OutputSettings, changed: Callable[[bool], None]) -> Contact:
        assert settings.contact is not None  # noqa: S101 - for the type checker
        return GpioContact(settings.contact, changed, chip=settings.chip)


@dataclass(slots=True)
class _Entry:
    settings: OutputSettings
    output: TimedOutput
    said: wire.OutputState
    by: str = DEVICE
    contact: Contact | None = None


class OutputBank:
    """An async context: lines are held while it is open. `now` is the time of day in Unix seconds.

    `silence` says whether chimes are to be still. Methods belong to the event loop, but for
    `camera_light`.
    """

    def __init__(
        self,
        outputs: Iterable[OutputSettings],
        retained: Retained,
        topics: Topics,
        uid: str,
        events: OutputEvents,
        state: DeviceState,
        now: Callable[[], float],
        *,
        silence: Silence | None = None,
        parts: OutputParts | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._retained = retained
        self._topic = partial(topics.output, uid)
        self._events = events
        self._state = state
        self._now = now
        self._silence = silence
        self._parts: OutputParts = parts or BoardParts()
        self._monotonic = monotonic
        self._loop: asyncio.AbstractEventLoop | None = None
        self._observers: list[Callable[[str, bool], None]] = []
        self._entries = {each.name: self._entry(each) for each in outputs}

    def _entry(self, settings: OutputSettings) -> _Entry:
        rest = CHIME_REST if settings.kind is OutputKind.CHIME else 0.0
        output = TimedOutput(
            settings.name,
            partial(self._parts.line, settings),
            Pulse(settings.longest_seconds, rest),
            on_change=partial(self._from_thread, self._changed, settings.name),
            on_fault=partial(self._from_thread, self._faulty, settings.name),
            monotonic=self._monotonic,
        )
        return _Entry(settings, output, wire.OutputState(state="off"))

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        for entry in self._entries.values():
            entry.output.start()
            if entry.settings.contact is not None:
                self._open_contact(entry)
            self._say(entry)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for entry in self._entries.values():
            was_on = entry.output.is_on
            entry.output.stop()
            if entry.contact is not None:
                entry.contact.close()
            if was_on:
                self._changed(entry.settings.name, False)

    # -- what one can do ---------------------------------------------------------------------------

    def on_change(self, observer: Callable[[str, bool], None]) -> None:
        """Call `observer` with a name and whether it is on, after each change."""
        self._observers.append(observer)

    def named(self, kind: OutputKind) -> list[str]:
        """Those of a kind, in the order of the settings."""
        return [name for name, entry in self._entries.items() if entry.settings.kind is kind]

    def kind_of(self, name: str) -> OutputKind | None:
        entry = self._entries.get(name)
        return None if entry is None else entry.settings.kind

    def is_on(self, name: str) -> bool:
        return self._entries[name].output.is_on

    def switch(
        self, name: str, on: bool, by: str, *, conversation: str | None = None, told: bool = True
    ) -> None:
        """Switch an output; one that pulses goes off by itself. Raises NotSupportedError where
        there is none of that name, and RefusedError `failed` where it does not work.
        """
        entry = self._entries.get(name)
        if entry is None:
            raise NotSupportedError(f"there is no output {name}")
        action = "open" if entry.settings.kind is OutputKind.DOOR else "on"
        before, entry.by = entry.by, by
        try:
            if on:
                entry.output.on(entry.settings.pulse_seconds)
            else:
                action = "off"
                entry.output.off()
        except OutputFailed as error:
            entry.by = before
            self._events.refused(name, by, "failed", conversation)
            raise RefusedError("failed", f"{name}: {error}") from error
        if told:
            self._events.done(name, action, by, conversation)  # type: ignore[arg-type]

    def toggle(self, name: str, by: str) -> None:
        """Switch it to the other state."""
        entry = self._entries.get(name)
        self.switch(name, not (entry is not None and entry.output.is_on), by)

    def chime(self, by: str) -> bool:
        """Sound the chimes, unless they are to be still; whether one sounded."""
        sounded = False
        if self._silence is not None and self._silence.silenced:
            return False
        for name in self.named(OutputKind.CHIME):
            with contextlib.suppress(RefusedError):
                self.switch(name, True, by)
                sounded = True
        return sounded

    def camera_light(self, on: bool) -> None:
        """Camera or microphone is open, or nothing is. From any thread, and before they are
        opened.
        """
        for name in self.named(OutputKind.CAMERA_LIGHT):
            output = self._entries[name].output
            with contextlib.suppress(OutputFailed):
                if on:
                    output.on()
                else:
                    output.off()

    # -- what is shown -----------------------------------------------------------------------------

    def _from_thread(self, function: Callable[[str, Any], None], name: str, value: Any) -> None:
        if self._loop is None:
            return
        with contextlib.suppress(RuntimeError):
            # the loop may have closed
            self._loop.call_soon_threadsafe(function, name, value)

    def _changed(self, name: str, _on: bool) -> None:
        """What is said is what stands: a change may be over by the time it is heard of."""
        entry = self._entries[name]
        on = entry.output.is_on
        state = "on" if on else "off"
        if entry.said.state != state:
            since = wire.format_time(self._now())
            entry.said = entry.said.model_copy(
                update={"state": state, "since": since, "by": entry.by}
            )
            self._say(entry)
            for observer in self._observers:
                observer(name, on)

    def _faulty(self, name: str, reason: str | None) -> None:
        self._state.part_failed(f"output {name}", reason)

    def _open_contact(self, entry: _Entry) -> None:
        name = entry.settings.name
        try:
            entry.contact = self._parts.contact(
                entry.settings, lambda _open: self._from_thread(self._moved, name, None)
            )
        except OutputFailed as error:
            self._state.part_failed(f"contact {name}", str(error))
            return
        self._read_contact(name)

    def _moved(self, name: str, _value: None) -> None:
        """Its level has changed: read it again once it stands."""
        assert self._loop is not None  # noqa: S101 - for the type checker
        self._loop.call_later(CONTACT_BOUNCE, self._read_contact, name)

    def _read_contact(self, name: str) -> None:
        entry = self._entries[name]
        if entry.contact is None:
            return
        contact = "open" if entry.contact.is_open else "closed"
        if entry.said.contact != contact:
            entry.said = entry.said.model_copy(update={"contact": contact})
            self._say(entry)

    def _say(self, entry: _Entry) -> None:
        if entry.said.since is None:
            since = wire.format_time(self._now())
            entry.said = entry.said.model_copy(update={"since": since, "by": DEVICE})
        self._retained.say(self._topic(entry.settings.name), wire.encode(entry.said))
