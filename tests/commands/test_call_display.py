"""What `callbox call` shows of a call that is under way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.commands.call_display import Display
from agent.commands.terminal import OutputLost
from agent.core.call import events as ev
from agent.core.call.reasons import CallStatus
from agent.errors import CallError


def shown(*, as_json: bool = False) -> Display:
    return Display("door-1", lambda: None, as_json=as_json)


LOSS = [
    (ev.Degraded("silence"), "degraded (silence)", {"event": "degraded", "cause": "silence"}),
    (ev.Restored(1), "restored", {"event": "restored", "generation": 1}),
]


@pytest.mark.parametrize(("event", "words", "_"), LOSS)
def test_display_loss_is_told_to_people(
    event: Any, words: str, _: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shown().event(event)
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", f"{words}\n")


@pytest.mark.parametrize(("event", "_", "told"), LOSS)
def test_display_loss_is_told_to_programs(
    event: Any, _: Any, told: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shown(as_json=True).event(event)
    output = capsys.readouterr()
    assert (json.loads(output.out), output.err) == (told, "")


def test_reason_of_the_remote_peer_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    event = ev.InvitationAnswered(CallStatus.REJECTED, "\x1b]0;owned\x07\x1b[2Kcall accepted")
    shown().event(event)
    assert "\x1b" not in capsys.readouterr().err


def test_display_ends_the_call_where_nobody_reads_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object, **__: object) -> None:
        raise OutputLost("standard output: Broken pipe")

    hung_up: list[bool] = []
    show = Display("door-1", lambda: hung_up.append(True), as_json=True)
    monkeypatch.setattr("builtins.print", lost)
    show.event(ev.Restored(1))
    assert hung_up == [True]
    assert str(show.lost) == "standard output: Broken pipe"


def test_display_says_what_became_of_a_door(capsys: pytest.CaptureFixture[str]) -> None:
    for as_json in (False, True):
        shown(as_json=as_json).door_opened("gate")
        shown(as_json=as_json).door_refused(CallError("wrong_code", "the code is not right"))
    output = capsys.readouterr()
    assert output.err == "opened gate\nnot opened (wrong_code): the code is not right\n"
    opened, refused = map(json.loads, output.out.splitlines())
    assert opened == {"event": "opened", "output": "gate"}
    assert (refused["event"], refused["code"]) == ("open_refused", "wrong_code")
