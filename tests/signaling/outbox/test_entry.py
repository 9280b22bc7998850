"""What waits in the outbox."""

from __future__ import annotations

from agent.signaling.outbox.entry import Entry, Forget, Note, Put


def test_entry_size_is_what_it_takes_on_the_disk() -> None:
    assert Entry("id-1", "closed", "events/closed", b"12345").size == 5 + 13 + 4


def test_entry_is_itself_whatever_it_says() -> None:
    one, two = (Entry("id-1", "closed", "t", b"") for _ in range(2))
    assert one != two
    assert {one, two} == {two, one}


def test_entry_changes_outlast_a_power_cut_but_for_a_removal() -> None:
    entry = Entry("id-1", "closed", "t", b"")
    assert (Put(entry).durable, Note(entry, b"").durable, Forget(entry).durable) == (
        True,
        True,
        False,
    )
