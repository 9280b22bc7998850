"""The drawing of the test pattern, into the planes of one picture that is used again and again."""

from __future__ import annotations

import time

import av

from agent.media.pattern.font import TextRenderer
from agent.media.pattern.timecode import BLACK, HEIGHT, WHITE, encode_strip

# Studio-range YUV of eight bars, so that a wrong color space is seen at once.
_BARS = (
    (180, 128, 128),
    (162, 44, 142),
    (131, 156, 44),
    (112, 72, 58),
    (84, 184, 198),
    (65, 100, 212),
    (35, 212, 114),
)
_GRAY = 48
_NEUTRAL = 128
_BAR_SHARE = 4
"""The bars take the lowest 1/4 of the picture."""
_SECONDS_TO_CROSS = 4
_FLASH_MILLISECONDS = 120


class PatternPicture:
    """Draws time of day, uid, frame counter, a moving block, a flash each second and the time
    strip.

    `frame` is yuv420p. The background is drawn once; afterwards only what changes is written.
    """

    def __init__(self, width: int, height: int, uid: str) -> None:
        self.frame = av.VideoFrame(width, height, "yuv420p")
        self._width, self._height = width, height
        self._stride = self._own_planes()
        self._block = max(8, height // 12)
        self._track = height * 5 // 8 - self._block
        self._text = TextRenderer(max(1, width // 320), WHITE, _GRAY)
        self._margin = self._block // 2
        self._block_column = 0
        self._draw_background(uid)

    def draw(self, milliseconds: int, frame_number: int) -> None:
        """Show the moment `milliseconds` since the Unix epoch as picture number `frame_number`."""
        self._stride = self._own_planes()
        luma = memoryview(self.frame.planes[0])
        self._fill(luma, 0, HEIGHT, 0, encode_strip(milliseconds, self._width))
        self._write(luma, 0, _time_of_day(milliseconds))
        self._write(luma, 2, f"#{frame_number:08d}")
        self._move_block(luma, milliseconds)
        self._flash(luma, milliseconds)

    def _draw_background(self, uid: str) -> None:
        bars_from = self._height - self._height // _BAR_SHARE & ~1
        for plane, kind in zip(self.frame.planes, range(3), strict=True):
            half = 2 if kind else 1
            colors = b"".join(
                bytes([bar[kind]]) * (self._edge(index + 1) // half - self._edge(index) // half)
                for index, bar in enumerate(_BARS)
            )
            base = bytes([_NEUTRAL if kind else _GRAY]) * plane.line_size
            lines = plane.buffer_size // plane.line_size
            bar_line = colors.ljust(plane.line_size, base[:1])
            above = bars_from // half
            plane.update(base * above + bar_line * (lines - above))
        self._write(memoryview(self.frame.planes[0]), 1, uid)

    def _own_planes(self) -> int:
        """Make sure that no encoder reads what is drawn into; the luma's stride, which that may
        change.
        """
        self.frame.make_writable()
        return self.frame.planes[0].line_size

    def _edge(self, bar: int) -> int:
        return bar * self._width // len(_BARS) & ~1

    def _write(self, luma: memoryview, line: int, text: str) -> None:
        """One line of text; what does not fit is cut off."""
        top = HEIGHT + self._margin + line * self._text.height * 3 // 2
        room = self._width - 2 * self._margin
        for row, pixels in enumerate(self._text.rows(text)):
            self._fill(
                luma, top + row * self._text.scale, self._text.scale, self._margin, pixels[:room]
            )

    def _move_block(self, luma: memoryview, milliseconds: int) -> None:
        span = self._width - self._block
        phase = milliseconds % (1000 * _SECONDS_TO_CROSS)
        column = span * phase // (1000 * _SECONDS_TO_CROSS)
        self._fill(luma, self._track, self._block, self._block_column, bytes([_GRAY]) * self._block)
        self._fill(luma, self._track, self._block, column, bytes([WHITE]) * self._block)
        self._block_column = column

    def _flash(self, luma: memoryview, milliseconds: int) -> None:
        shade = WHITE if milliseconds % 1000 < _FLASH_MILLISECONDS else BLACK
        left = self._width - self._margin - self._block
        self._fill(luma, HEIGHT + self._margin, self._block, left, bytes([shade]) * self._block)

    def _fill(self, luma: memoryview, top: int, rows: int, left: int, pixels: bytes) -> None:
        """Write the same `pixels` into `rows` rows from `top` on; rows below the picture are left
        out.
        """
        for row in range(top, min(top + rows, self._height)):
            start = row * self._stride + left
            luma[start : start + len(pixels)] = pixels


def _time_of_day(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return time.strftime("%H:%M:%S", time.localtime(seconds)) + f".{rest:03d}"
