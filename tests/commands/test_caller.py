"""`callbox call`: what it shows of a call that is under way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.commands.caller import BrokerLogin, CallPlan, Display
from agent.core.call import events as ev
from agent.core.call.reasons import CallStatus
from agent.errors import ConfigurationError

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


def test_reason_of_the_remote_peer_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    event = ev.InvitationAnswered(CallStatus.REJECTED, "\x1b]0;owned\x07\x1b[2Kcall accepted")
    Display(CallPlan("door-1")).event(event)
    assert "\x1b" not in capsys.readouterr().err


def test_broker_login_comes_from_files(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("from a/file\n")
    login = BrokerLogin(file, ca_file=tmp_path / "ca.pem", password="from the environment")
    assert login.into("mqtts://me@broker:8883") == "mqtts://me:from%20a%2Ffile@broker:8883"
    assert login.files() == (str(tmp_path / "ca.pem"), None, None)
    plan = CallPlan("door-1", broker="mqtt://me:secret@broker", login=login)
    assert "environment" not in repr(plan)
    assert "secret" not in repr(plan)


def test_broker_login_leaves_a_url_with_a_password_as_it_is() -> None:
    assert BrokerLogin(password="x").into("mqtt://me:own@broker") == "mqtt://me:own@broker"
    assert BrokerLogin().into("mqtt://me@broker") == "mqtt://me@broker"


@pytest.mark.parametrize(
    ("login", "url", "fault"),
    [
        (BrokerLogin(Path("/none")), "mqtt://me@broker", "--password-file"),
        (BrokerLogin(password="x"), "mqtt://broker", "needs USER@"),
    ],
)
def test_broker_login_that_cannot_be_used_is_told(login: BrokerLogin, url: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        login.into(url)
