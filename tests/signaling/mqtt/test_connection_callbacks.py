"""Who hears of each connect and loss."""

from __future__ import annotations

import pytest

from agent.signaling.mqtt.connection_callbacks import ConnectionCallbacks


def test_connection_callbacks_hear_in_order_until_removed() -> None:
    callbacks, heard = ConnectionCallbacks(), list[tuple[str, bool]]()
    remove = callbacks.add(lambda up: heard.append(("a", up)))
    callbacks.add(lambda up: heard.append(("b", up)))
    callbacks.tell(True)
    remove()
    remove()
    callbacks.tell(False)
    assert heard == [("a", True), ("b", True), ("b", False)]


def test_connection_callbacks_fault_of_one_is_logged_and_the_rest_hear(
    caplog: pytest.LogCaptureFixture,
) -> None:
    callbacks, heard = ConnectionCallbacks(), list[bool]()

    def broken(_up: bool) -> None:
        raise RuntimeError("a bug")

    callbacks.add(broken)
    callbacks.add(heard.append)
    callbacks.tell(True)
    assert heard == [True]
    assert "a bug" in caplog.text


def test_connection_callbacks_may_remove_themselves_while_told() -> None:
    callbacks, heard = ConnectionCallbacks(), list[bool]()

    def once(up: bool) -> None:
        heard.append(up)
        remove()

    remove = callbacks.add(once)
    callbacks.add(heard.append)
    callbacks.tell(True)
    callbacks.tell(False)
    assert heard == [True, True, False]
