"""A bitmap font of 5 by 7 dots for the test pattern: capitals, digits and what names and times
need.
"""

from __future__ import annotations

COLUMNS = 5
ROWS = 7

# Seven rows a glyph from top to bottom, two hex digits each; the highest of the five bits is the
# leftmost dot.
_GLYPHS = {
    " ": "00000000000000",
    "0": "0e13151519110e",
    "1": "040c040404040e",
    "2": "0e11010204081f",
    "3": "1f02040201110e",
    "4": "02060a121f0202",
    "5": "1f101e0101110e",
    "6": "0608101e11110e",
    "7": "1f010204040808",
    "8": "0e11110e11110e",
    "9": "0e11110f01020c",
    "A": "0e11111f111111",
    "B": "1e11111e11111e",
    "C": "0e11101010110e",
    "D": "1c12111111121c",
    "E": "1f10101e10101f",
    "F": "1f10101e101010",
    "G": "0e11101711110f",
    "H": "1111111f111111",
    "I": "0e04040404040e",
    "J": "0702020202120c",
    "K": "11121418141211",
    "L": "1010101010101f",
    "M": "111b1515111111",
    "N": "11191915131311",
    "O": "0e11111111110e",
    "P": "1e11111e101010",
    "Q": "0e11111115120d",
    "R": "1e11111e141211",
    "S": "0f10100e01011e",
    "T": "1f040404040404",
    "U": "1111111111110e",
    "V": "11111111110a04",
    "W": "1111111515150a",
    "X": "11110a040a1111",
    "Y": "1111110a040404",
    "Z": "1f01020408101f",
    ":": "000c0c000c0c00",
    ".": "00000000000c0c",
    "-": "0000001f000000",
    "_": "0000000000001f",
    "/": "00010204081000",
    "#": "0a0a1f0a1f0a0a",
    "@": "0e11171517100e",
    "+": "0004041f040400",
}
_UNKNOWN = "1f11111111111f"


def glyph(character: str) -> bytes:
    """The seven rows of a character; lower case looks like upper case, and what is unknown is a
    box.
    """
    return bytes.fromhex(_GLYPHS.get(character.upper(), _UNKNOWN))


class TextRenderer:
    """Turns text into rows of luma, `scale` pixels a dot, white on black, one empty dot between
    characters.
    """

    def __init__(self, scale: int, white: int, black: int) -> None:
        self.scale = scale
        self._ink = (bytes([black]) * scale, bytes([white]) * scale)
        self._cache: dict[str, tuple[bytes, ...]] = {}

    @property
    def height(self) -> int:
        return ROWS * self.scale

    def width(self, characters: int) -> int:
        """Pixels that so many characters take."""
        return characters * (COLUMNS + 1) * self.scale

    def rows(self, text: str) -> list[bytes]:
        """`ROWS` rows of `width(len(text))` bytes; each is to be drawn `scale` times."""
        glyphs = [self._glyph(character) for character in text]
        return [b"".join(rows[row] for rows in glyphs) for row in range(ROWS)]

    def _glyph(self, character: str) -> tuple[bytes, ...]:
        cached = self._cache.get(character)
        if cached is None:
            cached = tuple(
                b"".join(self._ink[row >> (COLUMNS - 1 - column) & 1] for column in range(COLUMNS))
                + self._ink[0]
                for row in glyph(character)
            )
            self._cache[character] = cached
        return cached
