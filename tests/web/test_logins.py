"""Passwords, their pace, and the cookies of sessions."""

from __future__ import annotations

import base64

import pytest

from agent.web.logins import (
    BURST,
    COOKIE,
    FORGET_AFTER,
    FREE_TRIES,
    LONGEST_PAUSE,
    MAX_SOURCES,
    LoginThrottle,
    Sessions,
    basic_password,
    is_password,
    session_of,
)


def test_throttle_first_tries_cost_nothing() -> None:
    throttle = LoginThrottle()
    for number in range(FREE_TRIES - 1):
        assert throttle.pause("a", 100.0 + number) == 0
        throttle.failed("a", 100.0 + number)
    assert throttle.pause("a", 103.0) == 0


def test_throttle_pause_doubles_up_to_the_longest() -> None:
    throttle, now, pauses = LoginThrottle(), 1000.0, []
    for _ in range(FREE_TRIES + 9):
        throttle.failed("a", now)
        pauses.append(throttle.pause("a", now))
        now += max(pauses[-1], 1.0)
    assert pauses[FREE_TRIES - 1 : FREE_TRIES + 3] == [1.0, 2.0, 4.0, 8.0]
    assert max(pauses) == LONGEST_PAUSE


def test_throttle_right_password_forgets_the_wrong_ones() -> None:
    throttle = LoginThrottle()
    for _ in range(FREE_TRIES + 2):
        throttle.failed("a", 10.0)
    throttle.succeeded("a", 100.0)
    assert throttle.pause("a", 100.0) == 0
    assert throttle.failed("a", 100.0) == 1


def test_throttle_old_failures_are_forgotten() -> None:
    throttle = LoginThrottle()
    for _ in range(5):
        throttle.failed("a", 10.0)
    assert throttle.failed("a", 11.0 + FORGET_AFTER) == 1


def test_throttle_many_sources_share_one_budget() -> None:
    throttle, tried = LoginThrottle(), 0
    for number in range(600):
        # each from another address, ten a second
        now = 50.0 + number / 10
        if throttle.pause(f"192.0.2.{number}", now) == 0:
            throttle.failed(f"192.0.2.{number}", now)
            tried += 1
    assert tried <= BURST + 61


def test_throttle_who_has_logged_in_may_while_others_guess() -> None:
    throttle = LoginThrottle()
    throttle.succeeded("home", 1.0)
    for number in range(BURST):
        throttle.failed(f"a{number}", 50.0)
    assert throttle.pause("stranger", 50.0) > 0
    assert throttle.pause("home", 50.0) == 0


def test_throttle_memory_is_bounded() -> None:
    throttle = LoginThrottle()
    for number in range(MAX_SOURCES + 50):
        throttle.failed(str(number), 1.0)
    assert len(throttle._sources) == MAX_SOURCES


def test_sessions_end() -> None:
    sessions = Sessions(b"k" * 32, lifetime=100.0)
    value = sessions.issue(1000.0)
    assert sessions.holds(value, 1000.0)
    assert sessions.holds(value, 1099.0)
    assert not sessions.holds(value, 1100.5)


@pytest.mark.parametrize(
    "value", ["", ".", "9999999999.", "1e3.x", '"\\351"', "\udce9", "2000.AAAA", "a" * 5000]
)
def test_sessions_foreign_value_lets_nobody_in(value: str) -> None:
    assert not Sessions(b"k" * 32).holds(value, 1000.0)


def test_sessions_cannot_be_made_longer() -> None:
    sessions = Sessions(b"k" * 32)
    end, _, proof = sessions.issue(0.0).partition(".")
    assert not sessions.holds(f"{int(end) + 1}.{proof}", 0.0)


@pytest.mark.parametrize(
    "cookies",
    [
        'ui={"a":1}; {ours}',
        "n=Direct Traffic; {ours}",
        "a[b]=1; {ours}",
        "=x; {ours}",
        "n=\udcfcber; {ours}",
        '{ours}; ui={"a":1}',
        'q="a b"; {ours}',
        "d=Sat, 28 Nov 2026 10:00:00 GMT; {ours}",
        "nothing; {ours}; ;;",
    ],
)
def test_session_of_finds_ours_among_others(cookies: str) -> None:
    assert session_of(cookies.replace("{ours}", f"{COOKIE}=abc.def")) == "abc.def"


def test_session_of_none_is_none() -> None:
    assert session_of("") is None
    assert session_of(f"x{COOKIE}=a; {COOKIE}") is None


def test_basic_password_is_what_stands_behind_the_first_colon() -> None:
    value = base64.b64encode(b"anyone:a:b").decode()
    assert basic_password(f"Basic {value}") == b"a:b"
    assert basic_password(f"bearer {value}") is None
    assert basic_password("Basic =") is None
    assert basic_password("Basic \u00e9") is None


def test_is_password_takes_any_bytes() -> None:
    assert is_password("päss".encode(), "päss")
    assert not is_password(b"\xff", "päss")
