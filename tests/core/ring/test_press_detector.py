"""What counts as a press."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from agent.core.ring.press_detector import Press, PressDetector, PressTimes

Edges = Sequence[tuple[float, bool]]
SHORT = PressTimes()
LONG = PressTimes(hold=2.0)


def run(edges: Edges, times: PressTimes = SHORT, until: float = 100.0) -> list[tuple[float, Press]]:
    """What a detector says of them, each deadline served in time."""
    detector = PressDetector(times, pressed=False, at=0.0)
    found: list[tuple[float, Press]] = []

    def serve(end: float) -> None:
        while (due := detector.next_deadline()) is not None and due <= end:
            told = detector.advance(due)
            assert told or detector.next_deadline() != due, "a deadline that changes nothing"
            found.extend((due, each) for each in told)

    for at, pressed in edges:
        serve(at)
        found.extend((at, each) for each in detector.edge(pressed, at))
    serve(until)
    return found


def test_press_counts_once_it_has_lasted_long_enough() -> None:
    ((at, press),) = run([(1.0, True), (1.5, False)])
    assert press is Press.PRESSED
    assert at == pytest.approx(1.06)


def test_press_shorter_than_the_shortest_is_none() -> None:
    assert run([(1.0, True), (1.05, False)]) == []


def test_press_with_bouncing_contacts_is_one() -> None:
    bounces = [(1.0 + 0.001 * n, n % 2 == 0) for n in range(9)]
    let_go = [(2.0 + 0.001 * n, n % 2 == 1) for n in range(9)]
    assert [each for _, each in run([*bounces, *let_go])] == [Press.PRESSED]


def test_release_shorter_than_a_stable_level_does_not_end_a_press() -> None:
    edges = [(1.0, True), (1.2, False), (1.22, True), (1.5, False)]
    assert [each for _, each in run(edges)] == [Press.PRESSED]


def test_long_press_is_told_while_it_is_held_and_is_no_press() -> None:
    assert run([(1.0, True), (4.0, False)], LONG) == [(3.0, Press.HELD)]


def test_press_counts_at_its_end_where_it_might_have_become_a_long_one() -> None:
    ((at, press),) = run([(1.0, True), (2.0, False)], LONG)
    assert press is Press.PRESSED
    assert at == pytest.approx(2.03)


def test_button_held_for_30_seconds_is_stuck_once_and_free_again() -> None:
    told = run([(1.0, True), (90.0, False)])
    assert [each for _, each in told] == [Press.PRESSED, Press.STUCK, Press.FREE]
    assert told[1][0] == 31.0


def test_button_pressed_at_the_start_counts_from_its_next_press_on() -> None:
    detector = PressDetector(pressed=True, at=0.0)
    assert detector.advance(29.9) == []
    assert detector.advance(30.0) == [Press.STUCK]
    assert detector.edge(False, 40.0) == []
    assert detector.advance(40.03) == [Press.FREE]
    detector.edge(True, 50.0)
    assert detector.advance(50.06) == [Press.PRESSED]


def test_press_that_begins_while_the_button_is_blanked_counts_for_nothing() -> None:
    detector = PressDetector(pressed=False, at=0.0)
    detector.blank(2.0)
    detector.edge(True, 1.9)
    assert detector.advance(3.0) == []
    detector.edge(False, 3.0)
    detector.advance(3.1)
    detector.edge(True, 3.2)
    assert detector.advance(3.3) == [Press.PRESSED]


def expected(edges: Edges, times: PressTimes) -> int:
    """How many presses there are, found with all edges at hand: runs of a level that stand make the
    debounced signal, and what of it is pressed for long enough is a press.
    """
    ends = [at for at, _ in edges[1:]] + [edges[-1][0] + 100.0]
    standing = [
        (at, level)
        for (at, level), end in zip(edges, ends, strict=True)
        if end >= at + times.stable
    ]
    level, since, presses = False, 0.0, 0
    for at, pressed in standing:
        if pressed is level:
            continue
        if level:
            presses += at >= since + times.shortest
        level, since = pressed, at
    return presses + (level and times.shortest <= 100.0)


def noise(seed: int, number: int) -> list[tuple[float, bool]]:
    """Edges of all lengths, from a microsecond to seconds, each the opposite of the one before."""
    chance, at, edges = random.Random(seed), 1.0, []
    for each in range(number):
        edges.append((at, each % 2 == 0))
        at += 10.0 ** chance.uniform(-6, 0.5)
    return edges


@pytest.mark.parametrize("seed", range(10))
def test_ten_thousand_edges_of_all_lengths_make_no_false_press_and_miss_none(seed: int) -> None:
    edges = noise(seed, 10_000)
    told = run(edges, until=edges[-1][0] + 20.0)
    presses = [at for at, each in told if each is Press.PRESSED]
    assert len(presses) == expected(edges, SHORT) > 500
    assert presses == sorted(set(presses))


@pytest.mark.parametrize("seed", range(3))
def test_noise_below_a_stable_level_makes_no_press_at_all(seed: int) -> None:
    chance, at, edges = random.Random(seed), 1.0, []
    for each in range(10_000):
        edges.append((at, each % 2 == 0))
        at += chance.uniform(1e-6, 0.0299)
    assert run(edges, until=at) == []
