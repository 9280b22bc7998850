"""How often a code may be guessed."""

from __future__ import annotations

from agent.core.door.code_tries import MOST_OF_ALL, MOST_OF_ONE, WINDOW, CodeTries


def test_code_tries_lock_one_out_after_three_and_nobody_else() -> None:
    tries = CodeTries()
    for second in range(MOST_OF_ONE):
        assert not tries.locked("alice", second)
        tries.wrong("alice", second)
    assert tries.locked("alice", MOST_OF_ONE)
    assert not tries.locked("bob", MOST_OF_ONE)
    # the first of them is forgotten
    assert tries.locked("alice", WINDOW - 0.1)
    assert not tries.locked("alice", WINDOW)


def test_code_tries_lock_all_out_after_ten() -> None:
    tries = CodeTries()
    for number in range(MOST_OF_ALL):
        assert not tries.locked("bob", number)
        tries.wrong(f"guest-{number}", number)
    assert tries.locked("bob", 20.0)
    assert not tries.locked("bob", WINDOW)
