"""A microphone whose card says when it is open."""

from __future__ import annotations

from collections.abc import Callable

from agent.media.sound.pcm import PcmSource


class ReportedSource:
    """`tell` is called with True before the card is opened, and with False once it is closed."""

    def __init__(self, open_source: Callable[[], PcmSource], tell: Callable[[bool], None]) -> None:
        """Raises what `open_source` raises."""
        self._tell = tell
        tell(True)
        try:
            self._source = open_source()
        except BaseException:
            tell(False)
            raise

    def read(self) -> bytes:
        return self._source.read()

    def delay(self) -> float:
        return self._source.delay()

    def close(self) -> None:
        try:
            self._source.close()
        finally:
            self._tell(False)
