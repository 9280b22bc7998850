"""The drawings of the machines show all that their tables say."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from agent.core.call.__main__ import files
from agent.core.call.call_table import call_table
from agent.core.call.drawing import draw

TABLE = call_table()
MACHINES = {
    "call-incoming": TABLE["tables"]["incoming"],
    "call-outgoing": TABLE["tables"]["outgoing"],
    "call-liveness": TABLE["liveness"],
    "call-renewals": TABLE["renewals"],
}
SVG = "{http://www.w3.org/2000/svg}"


def words_of(svg: str) -> list[str]:
    texts = [each.text or "" for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    return [word for text in texts for word in text.split(", ")]


@pytest.mark.parametrize("name", MACHINES)
def test_drawing_names_every_state_and_every_way(name: str) -> None:
    rows = MACHINES[name]
    words = words_of(files()[f"docs/{name}.svg"])
    for state, inputs in rows.items():
        assert words.count(state) == 1
        for each in inputs:
            assert each in words
    ways = sum(len(to) for inputs in rows.values() for to in inputs.values())
    fixed = 1 + len(rows) + words.count("stays on")
    assert len(words) == ways + fixed


def test_drawing_draws_an_arrow_for_each_pair_of_states() -> None:
    rows = {
        "a": {"x": ["b"], "y": ["a", "c"], "w": ["end"]},
        "b": {"x": ["c"]},
        "c": {"z": ["a"]},
        "end": {},
    }
    root = ElementTree.fromstring(draw("<test>", rows, "end"))
    arrows = [path for path in root.iter(f"{SVG}path") if "style" not in path.attrib]
    # a-b, b-c, a-c, c-a, a-end
    assert len(arrows) == 5
    assert root.findtext(f"{SVG}title") == "<test>"


def test_drawing_stays_within_its_edges() -> None:
    for path, text in files().items():
        if path.endswith(".svg"):
            root = ElementTree.fromstring(text)
            width, height = float(root.attrib["width"]), float(root.attrib["height"])
            for box in root.iter(f"{SVG}rect"):
                right = float(box.get("x", 0)) + float(box.attrib["width"])
                bottom = float(box.get("y", 0)) + float(box.attrib["height"])
                assert right <= width
                assert bottom <= height
