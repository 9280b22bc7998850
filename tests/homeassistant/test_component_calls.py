"""The calls of one household: what is said to the device, and what each player hears."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.signaling.protocol import messages as wire
from tests.homeassistant.component import load

calls = load("calls")
NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def sdp(*, sound: str = "recvonly", browser: str = "AA") -> str:
    lines = ["v=0", f"a=fingerprint:sha-256 {browser}", "m=audio 9 RTP 111", f"a={sound}"]
    return "\r\n".join([*lines, "m=video 9 RTP 96", "a=recvonly", ""])


VIEW, TALK = sdp(browser="AA"), sdp(sound="sendrecv", browser="BB")


class Screen:
    """A player of somebody in the household."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def answer(self, answer: str) -> None:
        self.heard.append(answer)

    def candidate(self, candidate: dict[str, Any]) -> None:
        self.heard.append(candidate)

    def over(self, code: str) -> None:
        self.heard.append(code)


class Household:
    """`said` is what the device gets; time passes with `wait`."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        self.told: list[str | None] = []
        self.now = 100.0
        self.timers: list[list[Any]] = []
        self.calls = calls.DeviceCalls(
            self.said.append,
            self.later,
            monotonic=lambda: self.now,
            wall=lambda: NOW,
            tell=self.told.append,
            changed=lambda: None,
        )

    def later(self, seconds: float, then: Callable[[], None]) -> Callable[[], None]:
        timer = [self.now + seconds, then]
        self.timers.append(timer)
        return lambda: self.timers.remove(timer) if timer in self.timers else None

    def wait(self, seconds: float) -> None:
        self.now += seconds
        for timer in [each for each in self.timers if each[0] <= self.now]:
            self.timers.remove(timer)
            timer[1]()

    def open(self, session: str, offer: str = VIEW) -> Screen:
        screen = Screen()
        self.calls.offer(session, offer, screen)
        return screen

    def hear(self, kind: str, nth: int = -1, **fields: Any) -> None:
        """The device says something in the `nth` conversation."""
        ids = list(dict.fromkeys(each["conversation"] for each in self.said))
        self.calls.signal({"type": kind, "conversation": ids[nth], **fields})

    def accept(self, answer: str = "answer") -> None:
        self.hear("response", callStatus="ACCEPTED", sdp=answer)

    def kinds(self) -> list[str]:
        return [each["type"] for each in self.said]

    def looking(self) -> Screen:
        """Somebody looks."""
        screen = self.open("first")
        self.accept()
        return screen


def test_offer_without_a_microphone_is_a_view_and_the_device_understands_it() -> None:
    home = Household()
    screen = home.open("first")
    home.calls.candidate("first", {"candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 0})
    invite, candidate = (wire.SIGNALS[each["type"]].model_validate(each) for each in home.said)
    assert isinstance(invite, wire.Invite)
    assert (invite.purpose, invite.lifetime) == ("view", 30)
    assert home.said[0]["sentAt"] == "2026-11-29T12:00:00.000Z"
    assert candidate.party == invite.party
    home.accept()
    home.hear("candidate", candidate={"candidate": "candidate:2"})
    home.hear("candidate", candidate=None)
    assert screen.heard == ["answer", {"candidate": "candidate:2"}]
    assert (home.told, home.calls.accepted) == ([None], 1)


def test_player_that_begins_anew_to_talk_goes_on_in_the_same_call() -> None:
    home = Household()
    home.looking()
    home.calls.leave("first")
    assert (home.kinds(), home.calls.accepted) == (["invite"], 0)
    screen = home.open("second", TALK)
    assert home.said[-1]["type"] == "offer"
    assert home.said[-1]["generation"] == 1
    assert home.said[-1]["conversation"] == home.said[0]["conversation"]
    home.hear("answer", generation=1, sdp="with sound")
    assert screen.heard == ["with sound"]
    home.wait(10)
    # who has talked hangs up at once
    home.calls.leave("second")
    assert home.kinds() == ["invite", "offer", "close"]


def test_view_that_nobody_comes_back_to_ends() -> None:
    home = Household()
    home.looking()
    home.calls.leave("first")
    home.wait(1)
    assert home.kinds() == ["invite"]
    home.wait(1)
    assert home.said[-1]["reason"] == "user_hangup"


def test_ice_restart_is_known_by_its_fingerprint_whatever_else_is_open() -> None:
    home = Household()
    home.looking()
    home.open("other", sdp(browser="CC"))
    home.accept()
    screen = home.open("restarted", VIEW)
    assert home.said[-1]["conversation"] == home.said[0]["conversation"]
    home.hear("answer", 0, generation=1, sdp="fresh")
    assert screen.heard == ["fresh"]
    # the old session's end means nothing any more
    home.calls.leave("first")
    home.wait(10)
    assert home.kinds() == ["invite", "invite", "offer"]


def test_offer_of_the_device_makes_the_next_of_ours_newer() -> None:
    home = Household()
    home.looking()
    home.hear("offer", generation=3, sdp="theirs")
    home.open("restarted", VIEW)
    assert home.said[-1]["generation"] == 4


def test_answer_that_is_of_an_older_offer_is_ignored() -> None:
    home = Household()
    home.looking()
    home.open("again", VIEW)
    screen = home.open("and again", VIEW)
    home.hear("answer", generation=1, sdp="old")
    home.hear("answer", generation=2, sdp="new")
    assert screen.heard == ["new"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"callStatus": "REJECTED", "reason": "not_allowed"}, "not_allowed"),
        ({"callStatus": "REJECTED"}, "rejected"),
        ({"callStatus": "BUSY", "reason": "max_viewers"}, "max_viewers"),
        ({"callStatus": "TIMEOUT"}, "invite_timeout"),
        ({"callStatus": "ACCEPTED"}, "unusable_sdp"),
    ],
)
def test_refusal_is_heard_by_the_player_and_told(body: dict[str, Any], code: str) -> None:
    home = Household()
    screen = home.open("first")
    home.hear("response", **body)
    assert (screen.heard, home.told) == ([code], [code])
    assert home.timers == []


def test_talk_that_is_refused_is_over_for_its_player() -> None:
    home = Household()
    home.looking()
    home.calls.leave("first")
    screen = home.open("second", TALK)
    home.hear("error", code="busy", message="no line is free")
    assert screen.heard == ["busy"]
    assert home.said[-1]["type"] == "close"


def test_talk_about_which_somebody_must_be_asked_rings() -> None:
    home = Household()
    home.looking()
    home.calls.leave("first")
    screen = home.open("second", TALK)
    home.hear("error", code="must_ring", message="call instead")
    assert home.kinds()[-2:] == ["close", "invite"]
    assert home.said[-1]["purpose"] == "talk"
    home.hear("ringing", expiresIn=30)
    home.wait(20)
    home.accept("at last")
    assert screen.heard == ["at last"]


def test_other_errors_change_nothing() -> None:
    home = Household()
    screen = home.looking()
    home.hear("error", code="unusable_candidate", message="")
    assert screen.heard == ["answer"]


def test_silence_of_the_device_is_told() -> None:
    home = Household()
    screen = home.open("first")
    home.wait(9)
    assert (screen.heard, home.told) == (["no_answer"], ["no_answer"])
    assert home.said[-1]["reason"] == "cancelled"
    rung = home.open("second")
    home.hear("ringing", expiresIn=20)
    home.wait(23)
    assert (rung.heard, home.told) == (["invite_timeout"], ["no_answer"])


def test_wrong_clock_is_corrected_once() -> None:
    home = Household()
    screen = home.open("first")
    theirs = (NOW + timedelta(minutes=7)).isoformat().replace("+00:00", "Z")
    home.hear("response", callStatus="TIMEOUT", reason="expired", now=theirs)
    assert home.said[-1]["sentAt"] == "2026-11-29T12:07:00.000Z"
    assert home.said[-1]["conversation"] != home.said[0]["conversation"]
    home.accept()
    assert screen.heard == ["answer"]
    other = home.open("second", sdp(browser="CC"))
    home.hear("response", callStatus="TIMEOUT", reason="expired", now=theirs)
    assert other.heard == ["expired"]


def test_device_that_closes_or_goes_ends_what_is_shown() -> None:
    home = Household()
    screen = home.looking()
    home.hear("close", reason="privacy_mode")
    assert screen.heard[-1] == "privacy_mode"
    gone = home.looking()
    home.calls.end_all("offline", close=False)
    assert gone.heard[-1] == "offline"
    assert home.kinds() == ["invite", "invite"]
    assert (home.calls.accepted, home.timers, home.calls.describe()) == (0, [], [])


def test_message_of_no_conversation_is_ignored() -> None:
    home = Household()
    home.calls.signal({"type": "close", "conversation": "unknown", "reason": "user_hangup"})
    home.calls.candidate("unknown", None)
    home.calls.leave("unknown")
    assert home.said == []


def test_dashboard_that_begins_over_and_over_does_not_use_up_the_household() -> None:
    home = Household()
    for number in range(30):
        home.open(f"{number}")
        home.hear("response", callStatus="REJECTED", reason="not_allowed")
    assert home.open("one more").heard == ["rate_limited"]
    assert len(home.said) == 30
    home.wait(61)
    assert home.open("later").heard == []


def test_screens_are_bounded() -> None:
    home = Household()
    for number in range(24):
        home.open(f"{number}", sdp(browser=f"{number}"))
        home.accept()
    assert home.open("one more").heard == ["too_many_screens"]
