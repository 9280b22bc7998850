"""The times of the outbox fit together."""

from __future__ import annotations

from agent.signaling.outbox.outbox_options import OutboxHealth, OutboxOptions


def test_outbox_options_make_a_caller_wait_less_than_an_event() -> None:
    options = OutboxOptions()
    assert options.begin_patience < options.patience < options.read_timeout < options.retry


def test_outbox_options_leave_time_to_close_below_that_of_systemd() -> None:
    options = OutboxOptions()
    # TimeoutStopSec of the unit is 10 s, and the broker's context has its own
    assert options.close_timeout + options.disk_timeout <= 5


def test_outbox_health_of_a_new_outbox_has_no_trouble() -> None:
    assert OutboxHealth() == OutboxHealth(None, waiting=0, lost=0, recovered=0, set_aside=0)
