"""An output that is never on for longer than it may be, whatever the event loop does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from agent.core.door.pulse import Pulse
from agent.doorbell.output_line import OutputFailed, OutputLine

logger = logging.getLogger(__name__)

# seconds between two tries to switch off what did not switch
RETRY = 0.5
# seconds for its thread to end, which waits for nothing but the line
STOP_TIMEOUT = 2.0


class TimedOutput:
    """A line with a thread that switches it off in time, and again until that has worked.

    `on_change` is told whether it is on, `on_fault` why it does not work, and None when it does;
    both in any thread, and never while the lock is held. `open_line` opens it, off.
    """

    def __init__(
        self,
        name: str,
        open_line: Callable[[], OutputLine],
        pulse: Pulse,
        *,
        on_change: Callable[[bool], None] = lambda _on: None,
        on_fault: Callable[[str | None], None] = lambda _reason: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._open_line = open_line
        self._pulse = pulse
        self._on_change = on_change
        self._on_fault = on_fault
        self._monotonic = monotonic
        self._line: OutputLine | None = None
        self._changed = threading.Condition()
        self._stopping = False
        # it should be off, and the line did not take that
        self._stuck = False
        self._thread: threading.Thread | None = None

    @property
    def is_on(self) -> bool:
        with self._changed:
            return self._pulse.is_on

    def start(self) -> None:
        """Open the line, off. One that cannot be opened is told, and tried when it is needed."""
        with self._changed:
            reason = self._open()
        if reason is not None:
            self._on_fault(reason)
        self._thread = threading.Thread(target=self._watch, name=f"output-{self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Off, and the line given back. Idempotent."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(STOP_TIMEOUT)
        with self._changed:
            self._pulse.off(self._monotonic())
            line, self._line = self._line, None
        if line is not None:
            line.close()

    def on(self, seconds: float | None = None) -> bool:
        """Switch on for `seconds`, or for as long as it may be. False where it has to rest. Raises
        OutputFailed; then it is off.
        """
        with self._changed:
            before = self._pulse.is_on
            if self._stopping:
                raise OutputFailed("the device is stopping")
            reason = self._open()
            if reason is None:
                if not self._pulse.on(self._monotonic(), seconds):
                    return False
                reason = self._write(True)
                if reason is not None:
                    self._pulse.off(self._monotonic())
                    self._stuck = True
            self._changed.notify_all()
        self._on_fault(reason)
        if reason is not None:
            raise OutputFailed(reason)
        if not before:
            self._on_change(True)
        return True

    def off(self) -> None:
        """Switch off; where the line does not take that it is tried again and again."""
        with self._changed:
            before = self._pulse.is_on
            self._pulse.off(self._monotonic())
            reason = self._switch_off() if before else None
            self._changed.notify_all()
        if before:
            self._on_fault(reason)
            self._on_change(False)

    # -- with the lock held ------------------------------------------------------------------------

    def _open(self) -> str | None:
        """Why there is no line."""
        if self._line is None:
            try:
                self._line = self._open_line()
            except OutputFailed as error:
                return str(error)
        return None

    def _write(self, on: bool) -> str | None:
        """Why the line did not take it."""
        assert self._line is not None  # noqa: S101 - for the type checker
        try:
            self._line.write(on)
        except OutputFailed as error:
            return str(error)
        return None

    def _switch_off(self) -> str | None:
        reason = self._write(False) if self._line is not None else None
        self._stuck = reason is not None
        return reason

    def _wait(self) -> None:
        """Until it is time for something."""
        until = self._pulse.until
        left = None if until is None else max(0.0, until - self._monotonic())
        if self._stuck:
            left = RETRY
        if left != 0.0:
            self._changed.wait(left)

    # -- the thread --------------------------------------------------------------------------------

    def _watch(self) -> None:
        while True:
            with self._changed:
                if self._stopping:
                    return
                self._wait()
                expired = self._pulse.expire(self._monotonic())
                tried = expired or (self._stuck and not self._pulse.is_on)
                reason = self._switch_off() if tried else None
            try:
                if tried:
                    self._on_fault(reason)
                if expired:
                    self._on_change(False)
            except Exception:
                # the thread's edge: whoever listens must not keep it on
                logger.exception("the output %s could not tell of a change", self.name)
