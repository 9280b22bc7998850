"""What the running daemon has found out is told in its own words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.doctor import daemon_check
from agent.doctor.daemon_check import find_daemon, once, report_daemon
from agent.doctor.findings import Finding, Verdict

STATUS: dict[str, Any] = {
    "version": "1",
    "uid": "door-1",
    "status": "idle",
    "broker": "h:1883",
    "broker_connected": True,
    "broker_trouble": None,
    "faults": {},
}


def test_daemon_check_topics_that_it_may_not_use_are_found() -> None:
    faults = {
        "messages to callbox/v1/door-1/about": "the broker refuses it: Not authorized",
        "subscription to callbox/v1/door-1/command/+": "the broker refuses the subscription",
        "page": "port taken",
        "uid of its own": "another device is on line as door-1",
    }
    _, topic, command, page, rival = report_daemon({**STATUS, "faults": faults})
    assert (topic.area, topic.verdict) == ("messages to callbox/v1/door-1/about", Verdict.FAILED)
    assert "callbox acl" in topic.advice
    assert "callbox acl" in command.advice
    assert "tried again" in page.advice
    assert (rival.text, rival.advice) == ("another device is on line as door-1", "")


def test_daemon_check_broker_that_it_does_not_reach() -> None:
    lost = {"broker_connected": False, "broker_trouble": "refused", "broker_advice": "do this"}
    _, broker = report_daemon({**STATUS, **lost})
    assert broker == Finding("broker", Verdict.FAILED, "broker h:1883: refused", "do this")


def test_daemon_check_what_the_broker_gives_less_of() -> None:
    _, limit = report_daemon({**STATUS, "broker_limits": [{"text": "a", "advice": "b"}]})
    assert limit == Finding("broker", Verdict.WARNING, "a", "b")


def test_daemon_check_without_one_nothing_is_told() -> None:
    (found,) = report_daemon(None)
    assert found.verdict is Verdict.SKIPPED


def test_daemon_check_finds_the_one_of_that_uid(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"a": {"uid": "door-2"}, "b": {"uid": "door-1"}}

    def ask(path: Path) -> dict[str, Any]:
        if path.name not in there:
            raise ConnectionRefusedError
        return there[path.name]

    monkeypatch.setattr(daemon_check, "candidates", lambda: [Path("x"), Path("a"), Path("b")])
    monkeypatch.setattr(daemon_check, "ask", ask)
    assert find_daemon("door-1") == {"uid": "door-1"}
    assert find_daemon("door-3") == {"uid": "door-2"}
    there.clear()
    assert find_daemon("door-1") is None


def test_daemon_check_the_same_words_are_said_once() -> None:
    a, b = Finding("broker", Verdict.FAILED, "a", "x"), Finding("broker", Verdict.FAILED, "b")
    assert [*once([a, b], [a])] == [b]
