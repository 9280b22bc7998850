"""Is this process fit to serve? A pure judgment of what can be seen of it."""

from __future__ import annotations

from dataclasses import dataclass

# seconds; the camera hub starts a camera anew after 3 and gives up after 11
STARVED_AFTER = 15.0


@dataclass(frozen=True, slots=True)
class Vitals:
    """Signs of life, seen from the event loop (that it turns needs no sign: it is what looks).

    `starved` is how many seconds a call has waited for a frame, 0 where frames flow or nobody wants
    any. `gave_up` is how long one had waited when the camera ended for want of one; None once a
    frame has come again.
    """

    mqtt_thread_alive: bool = True
    starved: float = 0.0
    gave_up: float | None = None


def ailment(vitals: Vitals) -> str | None:
    """Why systemd should restart us; None in good health."""
    if not vitals.mqtt_thread_alive:
        return "the MQTT thread has ended"
    if vitals.starved >= STARVED_AFTER:
        return f"the camera has given no frame for {vitals.starved:.0f} s of a call"
    if vitals.gave_up is not None:
        return f"the camera gave up in a call, {vitals.gave_up:.0f} s after its last frame"
    return None
