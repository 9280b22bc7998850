"""What became of a message that the broker has taken."""

from __future__ import annotations

from agent.core.call.delivery import Delivery


def test_delivery_words_are_those_of_the_javascript_client() -> None:
    assert [each.value for each in Delivery] == ["taken", "unheard"]
