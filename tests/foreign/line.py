"""The signaling of a foreign peer, written by hand: what it says over the broker, and hears."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from tests.e2e.device import Watcher

DOOR = "door-1"


class Line:
    """What a foreign peer says over the broker, written by hand."""

    def __init__(self, watcher: Watcher, uid: str) -> None:
        self._watcher = watcher
        self.uid = uid
        # what was said before is of other calls
        self._begin = len(watcher.messages)
        self.conversation = str(uuid.uuid4())
        self.party = str(uuid.uuid4())

    def send(self, kind: str, **fields: Any) -> None:
        message = {"type": kind, "conversation": self.conversation, "party": self.party, **fields}
        self._watcher.publish(f"{DOOR}/signal/{self.uid}", message)

    def invite(self, sdp: str) -> None:
        sent_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.send("invite", sdp=sdp, sentAt=sent_at, lifetime=30)

    async def heard(self, kind: str) -> dict[str, Any]:
        body: dict[str, Any] = await self._watcher.wait(
            f"{self.uid}/signal/{DOOR}", lambda body: body["type"] == kind, after=self._begin
        )
        return body

    async def closed(self) -> dict[str, Any]:
        record: dict[str, Any] = await self._watcher.wait(
            f"{DOOR}/events/closed", lambda body: body["conversation"] == self.conversation
        )
        return record
