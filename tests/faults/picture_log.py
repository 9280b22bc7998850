"""A caller in Python that says when pictures arrive.

    python -m tests.faults.picture_log BROKER_URL UID SECONDS

prints lines of JSON: each event, and the first picture after each pause of 0.3 s.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from typing import Any

from agent.client import CallClient
from agent.core.statistics.reports import CallRecord
from agent.ports import AccessUnit, DecodedAudio

# seconds without a picture
PAUSE = 0.3


def say(event: str, **values: Any) -> None:
    print(json.dumps({"at": time.time(), "event": event, **values}), flush=True)


class PictureLog:
    """A `RemoteSink`."""

    def __init__(self) -> None:
        self._last = 0.0

    def on_video(self, unit: AccessUnit) -> None:
        now = time.time()
        if now - self._last > PAUSE:
            say("picture", after=now - self._last, keyframe=unit.keyframe)
        self._last = now

    def on_audio(self, audio: DecodedAudio) -> None:
        """Not looked at."""


async def main(url: str, uid: str, seconds: float) -> None:
    log = PictureLog()
    async with CallClient.connect(url, uid="caller") as client:
        conversation = client.call(uid)
        conversation.on("stream_received", lambda stream: stream.attach(log))
        conversation.on("degraded", lambda event: say("degraded", cause=event.cause))
        conversation.on("restored", lambda event: say("restored", generation=event.generation))
        closed: asyncio.Future[CallRecord] = asyncio.get_running_loop().create_future()
        conversation.on("closed", closed.set_result)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(closed)
        except TimeoutError:
            await conversation.close()
        record = await closed
        say("closed", reason=record.reason, reconnects=record.reconnects)


if __name__ == "__main__":
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s"
    )
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
