"""Whether a door is released for somebody who may have it."""

from __future__ import annotations

import itertools

import pytest

from agent.core.door.code_tries import WINDOW
from agent.core.door.releases import (
    FRESH,
    MAX_ANSWERS,
    MEMORY,
    Door,
    Moment,
    OpenRefusal,
    OpenRequest,
    OpenVerdict,
    Releases,
)

WALL = 1_800_000_000.0
NOW = Moment(100.0, WALL)
DOORS = (Door("door", "4711"), Door("gate"))


@pytest.mark.parametrize(
    ("request_", "now", "refusal"),
    [
        (OpenRequest("a", WALL, "gate"), NOW, None),
        (OpenRequest("a", WALL, None, "4711"), NOW, None),
        (OpenRequest("a", WALL - FRESH, "gate"), NOW, None),
        (OpenRequest("a", WALL + FRESH, "gate"), NOW, None),
        (OpenRequest("a", WALL - FRESH - 0.1, "gate"), NOW, OpenRefusal.STALE),
        (OpenRequest("a", WALL + FRESH + 0.1, "gate"), NOW, OpenRefusal.STALE),
        (OpenRequest("a", float("nan"), "gate"), NOW, OpenRefusal.STALE),
        (OpenRequest("a", None, "gate"), NOW, OpenRefusal.STALE),
        (OpenRequest("a", WALL, "gate"), Moment(1, WALL, False), OpenRefusal.CLOCK_UNSET),
        (OpenRequest("a", WALL, "cellar"), NOW, OpenRefusal.NO_SUCH_OUTPUT),
        (OpenRequest("a", WALL, "door", "4712"), NOW, OpenRefusal.WRONG_CODE),
        (OpenRequest("a", WALL, "door", ""), NOW, OpenRefusal.WRONG_CODE),
        (OpenRequest("a", WALL, "door", "ä711"), NOW, OpenRefusal.WRONG_CODE),
        (OpenRequest("a", WALL, "door"), NOW, OpenRefusal.WRONG_CODE),
        (OpenRequest("a", WALL, "gate", "anything"), NOW, None),
    ],
)
def test_releases_judge_time_name_and_code(
    request_: OpenRequest, now: Moment, refusal: OpenRefusal | None
) -> None:
    assert Releases(DOORS).judge(request_, now).refusal is refusal


def test_releases_without_a_door_have_none() -> None:
    verdict = Releases(()).judge(OpenRequest("a", WALL), NOW)
    assert verdict == OpenVerdict(None, OpenRefusal.NO_SUCH_OUTPUT)


def test_releases_find_no_code_by_guessing() -> None:
    """Every code in turn, by one and then by many: ten minutes bring ten tries, and while somebody
    is locked out the right one does not help.
    """
    releases, tried = Releases(DOORS), 0
    for guess in range(10_000):
        who = f"guest-{guess % 50}"
        verdict = releases.judge(OpenRequest(who, WALL, "door", f"{guess:04}"), NOW)
        assert verdict.refusal is not None
        tried += verdict.refusal is OpenRefusal.WRONG_CODE
    assert tried == 10
    right = OpenRequest("owner", WALL, "door", "4711")
    assert releases.judge(right, NOW).refusal is OpenRefusal.LOCKED
    later = Moment(NOW.monotonic + WINDOW, WALL)
    assert releases.judge(right, later).refusal is None


def test_releases_count_no_code_that_was_not_given() -> None:
    releases = Releases(DOORS)
    for _ in range(20):
        releases.judge(OpenRequest("a", WALL, "door"), NOW)
    assert releases.judge(OpenRequest("a", WALL, "door", "4711"), NOW).refusal is None


def test_releases_remember_answers_for_a_while_and_not_too_many() -> None:
    releases, verdict = Releases(DOORS), OpenVerdict("gate")
    releases.remember("one", verdict, 10.0)
    assert releases.before("one", 10.0 + MEMORY - 0.1) is verdict
    assert releases.before("one", 10.0 + MEMORY) is None
    for number in itertools.islice(itertools.count(), MAX_ANSWERS + 1):
        releases.remember(number, verdict, 200.0)
    assert releases.before(0, 200.0) is None
    assert releases.before(1, 200.0) is verdict


@pytest.mark.parametrize("refusal", OpenRefusal)
def test_releases_say_in_words_why_not(refusal: OpenRefusal) -> None:
    assert refusal.words
