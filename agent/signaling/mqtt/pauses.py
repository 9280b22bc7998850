"""The pause between two attempts to connect, and what cuts it short."""

from __future__ import annotations

import threading

from agent.signaling.mqtt.backoff import Backoff
from agent.signaling.mqtt.disconnect import DisconnectReason
from agent.signaling.mqtt.mqtt_options import MqttOptions


class Pauses:
    """`failed` and `lost` wait, and are the network thread's; the others may come from any thread.
    Times in seconds.
    """

    def __init__(self, options: MqttOptions) -> None:
        self._backoff = Backoff(options)
        self._over = threading.Event()
        self._ended = False
        # the next one is left out
        self._none = threading.Event()
        self._by_clock = False
        self._sparing = False

    def failed(self, loss: DisconnectReason, *, spent: float) -> None:
        """Wait, after `spent` seconds in an attempt that came to nothing."""
        self._wait(loss, spent)

    def lost(self, loss: DisconnectReason, *, held: float) -> None:
        """Wait, after a connection that lasted for `held` seconds."""
        self._backoff.held(held)
        self._wait(loss, 0.0)

    def _wait(self, loss: DisconnectReason, spent: float) -> None:
        pause = self._backoff.next(slow=loss.slow or self._sparing, spent=spent)
        self._by_clock = loss.clock
        if not self._none.is_set():
            self._over.wait(pause)
        self._by_clock = False
        self._none.clear()
        if not self._ended:
            self._over.clear()

    def moved(self) -> None:
        """We have left an address that is gone: it is no broker that has to be spared."""
        self.at_once()
        self._over.set()

    def at_once(self) -> None:
        """No pause before the next attempt."""
        self._none.set()

    def clock_stepped(self) -> None:
        """The time of day was set: end a pause behind what failed by it."""
        if self._by_clock:
            self._over.set()

    def spare(self, stands: bool) -> None:
        """Whether every loss is one to go slowly after."""
        self._sparing = stands

    def end(self) -> None:
        """No pause from now on."""
        self._ended = True
        self._over.set()
