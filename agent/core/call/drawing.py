"""A state machine as SVG: its states in a row, the end as a bar below them.

Arrows run forward above the row and back below it, each on a level of its own, with the inputs that
take it written on it. The inputs on which a state stays stand in its box. Sizes are CSS pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise

# state -> input -> the states that it may lead to
Rows = Mapping[str, Mapping[str, Sequence[str]]]

BOX, GAP, MARGIN, LINE, LEVEL = 180, 150, 24, 15, 34
_STYLE = """\
text { font: 11px sans-serif; fill: #333 }
.title { font: bold 18px sans-serif }
.state { font: bold 14px sans-serif; fill: #123 }
.note { fill: #777 }
.label { paint-order: stroke; stroke: #fff; stroke-width: 5px }
rect { fill: #f4f7fb; stroke: #5b7ea6; rx: 8 }
path { fill: none; stroke: #5b7ea6; stroke-width: 1.3; marker-end: url(#head) }
.paper { fill: #fff; stroke: none }
"""


class _Picture:
    """Shapes, and the words above them."""

    def __init__(self) -> None:
        self._shapes: list[str] = []
        self._words: list[str] = []

    @property
    def parts(self) -> list[str]:
        return self._shapes + self._words

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "middle") -> None:
        self._words.append(
            f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" '
            f'class="{kind}">{escape(words)}</text>'
        )

    def box(self, x: float, y: float, width: float, height: float) -> None:
        self._shapes.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"/>')

    def arrow(self, *points: tuple[float, float]) -> None:
        steps = " L ".join(f"{x:g} {y:g}" for x, y in points)
        self._shapes.append(f'<path d="M {steps}"/>')


def draw(title: str, rows: Rows, end: str | None = None) -> str:
    """`rows` as an SVG document; `end` is the state that is drawn as the bar."""
    order = [state for state in rows if state != end]
    ways = _ways(rows)
    steps = {pair: ways.get(pair, []) for pair in pairwise(order)}
    forward = _jumps(ways, order, forward=True)
    back = _jumps(ways, order, forward=False)
    stays = {state: ways.get((state, state), []) for state in order}
    height = 44 + LINE * max((len(names) + 1 if names else 0) for names in stays.values())
    top = 56 + LEVEL * (len(forward) + 1)
    picture = _Picture()
    left = {state: MARGIN + index * (BOX + GAP) for index, state in enumerate(order)}
    picture.text(MARGIN, 30, title, "title", "start")
    for state in order:
        _draw_state(picture, left[state], top, height, state, stays[state])
    for (start, to), names in steps.items():
        if names:
            _draw_step(picture, left[start] + BOX, left[to], top + 26, names)
    for level, (start, to) in enumerate(forward, 1):
        points = (left[start] + BOX * 0.7, left[to] + BOX * 0.3)
        _draw_jump(picture, points, top, top - LEVEL * level, ways[start, to])
    bottom = top + height
    for level, (start, to) in enumerate(back, 1):
        points = (left[start] + BOX * 0.2, left[to] + BOX * 0.8)
        _draw_jump(picture, points, bottom, bottom + LEVEL * level, ways[start, to])
    floor: float = bottom + LEVEL * (len(back) + 1)
    if end is not None:
        floor = _draw_end(picture, end, left, (bottom, floor), ways)
    width = 2 * MARGIN + len(order) * BOX + (len(order) - 1) * GAP
    return _document(width, floor + MARGIN, title, picture.parts)


def _ways(rows: Rows) -> dict[tuple[str, str], list[str]]:
    """The inputs that lead from one state to another."""
    ways: dict[tuple[str, str], list[str]] = {}
    for state, inputs in rows.items():
        for name, leads in inputs.items():
            for to in leads:
                ways.setdefault((state, to), []).append(name)
    return ways


def _jumps(
    ways: Mapping[tuple[str, str], list[str]], order: list[str], *, forward: bool
) -> list[tuple[str, str]]:
    """The ways that pass a state by, or run back; the shortest first."""
    found = []
    for start, to in ways:
        if start in order and to in order:
            span = order.index(to) - order.index(start)
            if span > 1 if forward else span < 0:
                found.append((abs(span), start, to))
    return [(start, to) for _, start, to in sorted(found)]


def _draw_state(
    picture: _Picture, x: float, y: float, height: float, state: str, stays: list[str]
) -> None:
    picture.box(x, y, BOX, height)
    picture.text(x + BOX / 2, y + 28, state, "state")
    if stays:
        picture.text(x + 12, y + 48, "stays on", "note", "start")
    for number, name in enumerate(stays, 1):
        picture.text(x + 12, y + 48 + LINE * number, name, "", "start")


def _draw_step(picture: _Picture, x: float, to: float, y: float, names: list[str]) -> None:
    picture.arrow((x, y), (to - 2, y))
    for number, name in enumerate(names):
        picture.text((x + to) / 2, y + 16 + LINE * number, name, "label")


def _draw_jump(
    picture: _Picture, points: tuple[float, float], edge: float, level: float, names: list[str]
) -> None:
    start, to = points
    picture.arrow((start, edge), (start, level), (to, level), (to, edge))
    picture.text((start + to) / 2, level - 8, ", ".join(names), "label")


def _draw_end(
    picture: _Picture,
    end: str,
    left: Mapping[str, float],
    edges: tuple[float, float],
    ways: Mapping[tuple[str, str], list[str]],
) -> float:
    """The bar, and an arrow down to it from each state. Returns where it ends."""
    bottom, first = edges
    names = {state: ways.get((state, end), []) for state in left}
    y = first + LINE * max(len(each) for each in names.values())
    for state, inputs in names.items():
        if inputs:
            x = left[state] + BOX * 0.5
            picture.arrow((x, bottom), (x, y - 2))
        for number, name in enumerate(inputs):
            picture.text(left[state] + BOX * 0.5 + 8, first + LINE * number, name, "", "start")
    picture.box(MARGIN, y, max(left.values()) + BOX - MARGIN, 40)
    picture.text(MARGIN + (max(left.values()) + BOX - MARGIN) / 2, y + 25, end, "state")
    return y + 40


def _document(width: float, height: float, title: str, parts: list[str]) -> str:
    head = (
        '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M 0 0 L 8 4 L 0 8 z" '
        'style="fill: #5b7ea6; stroke: none; marker-end: none"/></marker>'
    )
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f"<defs>{head}</defs>",
        f'<rect class="paper" width="{width:g}" height="{height:g}"/>',
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"
