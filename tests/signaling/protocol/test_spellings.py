"""Ids of conversations that differ in the case of their letters."""

from __future__ import annotations

from agent.signaling.protocol.spellings import MEMORY, Spellings


def test_spellings_answer_in_the_form_of_the_invitation() -> None:
    spellings = Spellings()
    spellings.note("AB-Cd")
    assert spellings.of("ab-cd") == "AB-Cd"
    assert spellings.of("ef") == "ef"


def test_spellings_first_form_stays() -> None:
    spellings = Spellings()
    spellings.note("AB")
    spellings.note("Ab")
    spellings.note("ab")
    assert spellings.of("ab") == "AB"


def test_spellings_memory_is_bounded() -> None:
    spellings = Spellings()
    for number in range(MEMORY + 1):
        spellings.note(f"A{number}")
    assert spellings.of("a0") == "a0"
    assert spellings.of("a1") == "A1"
    assert spellings.of(f"a{MEMORY}") == f"A{MEMORY}"
