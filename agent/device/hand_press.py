"""What somebody who presses a button by hand is told (`callbox press`)."""

from __future__ import annotations

from typing import Any

from agent.device.doorbell import Doorbell, PressOutcome
from agent.errors import NotSupportedError


async def press_by_hand(doorbell: Doorbell, name: str) -> dict[str, Any]:
    """Press the button `name`, or the first one for ""; what came of it, for `callbox press`."""
    try:
        outcome = await doorbell.press(name)
    except NotSupportedError as error:
        return {"ok": False, "code": "no_such_button", "message": str(error)}
    return _told(outcome)


def _told(outcome: PressOutcome) -> dict[str, Any]:
    event = outcome.event
    if event is None:
        return {"ok": True, "repeated": True}
    known = {
        "button": event.button,
        "targets": list(event.targets),
        "eventId": event.event_id,
        "conversation": event.conversation,
    }
    if outcome.suppressed is not None:
        message = f"nobody is called: {outcome.suppressed}"
        return known | {
            "ok": False,
            "code": "suppressed",
            "suppressed": outcome.suppressed,
            "message": message,
        }
    return known | {"ok": True, "waits": outcome.waits}
