"""`callbox call`: what it shows of a call that is under way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.commands.caller import CallPlan, Display
from agent.core.call import events as ev

LOSS = [
    (ev.Degraded("silence"), "degraded (silence)", {"event": "degraded", "cause": "silence"}),
    (ev.Restored(1), "restored", {"event": "restored", "generation": 1}),
]


@pytest.mark.parametrize(("event", "words", "_"), LOSS)
def test_display_loss_is_told_to_people(
    event: Any, words: str, _: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    Display(CallPlan("door-1")).event(event)
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", f"{words}\n")


@pytest.mark.parametrize(("event", "_", "told"), LOSS)
def test_display_loss_is_told_to_programs(
    event: Any, _: Any, told: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    Display(CallPlan("door-1", as_json=True)).event(event)
    output = capsys.readouterr()
    assert (json.loads(output.out), output.err) == (told, "")
