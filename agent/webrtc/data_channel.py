"""The data channel `callbox`: short texts beside the media (PROTOCOL 3)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from aiortc import RTCDataChannel

from agent.counts import RefusalKind, refusals

log = logging.getLogger(__name__)

LABEL = "callbox"
MAX_MESSAGE_SIZE = 64 * 1024  # bytes of UTF-8
# bytes that wait to be sent
MAX_BUFFERED = 256 * 1024


class ControlChannel:
    """At most one channel; the newest with the right label counts. Others are left alone and never
    read.
    """

    def __init__(self, on_message: Callable[[str], None]) -> None:
        self._on_message = on_message
        self._complained = False
        self._channel: RTCDataChannel | None = None

    def attach(self, channel: RTCDataChannel) -> None:
        if channel.label != LABEL:
            log.info("a data channel with another label is ignored")
            return
        self._channel = channel
        channel.on("message", self._receive)

    def send(self, text: str) -> bool:
        """False where no channel is open, the text is too long, or too much is waiting already."""
        channel = self._channel
        if channel is None or channel.readyState != "open":
            return False
        size = len(text.encode("utf8"))
        if size > MAX_MESSAGE_SIZE or channel.bufferedAmount + size > MAX_BUFFERED:
            return False
        channel.send(text)
        return True

    def detach(self) -> None:
        self._channel = None

    def _receive(self, message: object) -> None:
        if self._channel is None:
            return
        if not isinstance(message, str) or len(message.encode("utf8")) > MAX_MESSAGE_SIZE:
            refusals.count(RefusalKind.MESSAGE)
            if not self._complained:
                log.warning("a message on the data channel is not text, or too long; it is ignored")
                self._complained = True
            return
        self._on_message(message)
