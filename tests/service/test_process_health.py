"""What a watchdog is told of the process."""

from __future__ import annotations

import pytest

from agent.service.process_health import STARVED_AFTER, Vitals, ailment


@pytest.mark.parametrize(
    ("vitals", "complaint"),
    [
        (Vitals(), None),
        (Vitals(starved=STARVED_AFTER - 0.1), None),
        (Vitals(starved=16.2), "the camera has given no frame for 16 s of a call"),
        (Vitals(gave_up=11.0), "the camera gave up in a call, 11 s after its last frame"),
        (Vitals(mqtt_thread_alive=False), "the MQTT thread has ended"),
    ],
)
def test_ailment_names_what_is_wrong(vitals: Vitals, complaint: str | None) -> None:
    assert ailment(vitals) == complaint
