"""Is this process fit to serve? A pure judgment of what can be seen of it."""

from __future__ import annotations

from dataclasses import dataclass

STARVED_AFTER = 2.5  # seconds; a camera at 1 frame per second is slow, not wedged


@dataclass(frozen=True, slots=True)
class Vitals:
    """Signs of life, seen from the event loop (that it turns needs no sign: it is what looks).

    `starved` is how many seconds a call has waited for a frame, or waited in vain before it ended for want of one; 0
    where frames flow or nobody wants any.
    """

    mqtt_thread_alive: bool = True
    starved: float = 0.0


def ailment(vitals: Vitals) -> str | None:
    """Why systemd should restart us; None in good health."""
    if not vitals.mqtt_thread_alive:
        return "the MQTT thread has ended"
    if vitals.starved >= STARVED_AFTER:
        return f"the camera has given no frame for {vitals.starved:.1f} s of a call"
    return None
