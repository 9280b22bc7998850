"""Whatever comes in: a typed value, or the one error that says what is wrong. Without real parts,
in seconds.
"""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.fakes.clock import FastLoop
from tests.faults.fuzz import datagrams, entries, mutations
from tests.faults.fuzz.odd_values import ODD_TEXTS
from tests.faults.fuzz.scenario import play

CHANCES = st.integers(0, 2**32).map(Random)


@given(CHANCES)
@settings(max_examples=examples(300))
def test_mutated_messages(random: Random) -> None:
    entries.signal(mutations.message(random))


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    for name in (
        "signal",
        "command",
        "topic",
        "description",
        "candidate",
        "time",
        "datagram",
    ):
        entries.ENTRIES[name](data)


@given(CHANCES)
@settings(max_examples=examples(200))
def test_mutated_commands(random: Random) -> None:
    verb, payload = mutations.command(random)
    entries.command(verb.encode() + b"\n" + payload)


@given(CHANCES)
@settings(max_examples=examples(200))
def test_mutated_topics(random: Random) -> None:
    entries.topic(mutations.topic(random).encode("utf-8", "replace"))


@given(CHANCES)
@settings(max_examples=examples(300))
def test_mutated_descriptions(random: Random) -> None:
    entries.description(mutations.description(random).encode("utf-8", "replace"))


@pytest.mark.parametrize("layer", datagrams.LAYERS)
@given(random=CHANCES)
@settings(max_examples=examples(100))
def test_mutated_datagrams(layer: str, random: Random) -> None:
    number = list(datagrams.LAYERS).index(layer)
    entries.datagram(bytes([number]) + datagrams.mutated(random, layer))


@given(CHANCES)
@settings(max_examples=examples(300))
def test_mutated_candidates(random: Random) -> None:
    entries.candidate(mutations.candidate(random).encode("utf-8", "replace"))


@given(
    st.sampled_from(ODD_TEXTS)
    | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,12}[Z+-].{0,5}")
)
def test_odd_times(text: str) -> None:
    entries.time(text.encode("utf-8", "replace"))


@given(st.integers(0, 2**32))
@settings(max_examples=examples(100))
# targets in turn, and the first says that it is the end of the year 9999
@example(139)
def test_a_client_among_strangers(seed: int) -> None:
    with asyncio.Runner(loop_factory=FastLoop) as runner:
        runner.run(play(Random(seed)))


@pytest.mark.parametrize("name", ["message", "description", "candidate", "topic"])
def test_one_seed_is_one_flood(name: str) -> None:
    mutate = getattr(mutations, name)
    assert [mutate(Random(seed)) for seed in range(50)] == [
        mutate(Random(seed)) for seed in range(50)
    ]
    assert len({mutate(Random(seed)) for seed in range(50)}) > 25
