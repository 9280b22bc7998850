"""A line that is not there at all."""

from __future__ import annotations

from agent.doorbell.output_line import VirtualLine


def test_virtual_line_is_off_at_both_ends() -> None:
    line = VirtualLine()
    assert not line.is_on
    line.write(True)
    assert line.is_on
    line.close()
    assert not line.is_on
