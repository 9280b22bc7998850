"""Either the remote peer is heard, or the device is."""

from __future__ import annotations

from agent.media.sound.push_to_talk import LONGEST, TalkGate
from tests.fakes.manual_clock import ManualClock
from tests.fakes.playout import constant

SOUND, SILENCE = constant(9), constant(0)


def test_push_to_talk_plays_or_sends() -> None:
    gate = TalkGate(ManualClock())
    assert (gate.render(SOUND, 0), gate.capture(SOUND, 0)) == (SILENCE, SOUND)
    gate.talk("alice", True)
    assert (gate.render(SOUND, 0), gate.capture(SOUND, 0)) == (SOUND, SILENCE)
    gate.talk("alice", False)
    assert (gate.render(SOUND, 0), gate.capture(SOUND, 0)) == (SILENCE, SOUND)
    gate.close()


def test_push_to_talk_lasts_while_anybody_talks() -> None:
    gate = TalkGate(ManualClock())
    gate.talk("alice", True)
    gate.talk("bob", True)
    gate.talk("alice", False)
    gate.talk("nobody", False)
    assert gate.talking
    gate.talk("bob", False)
    assert not gate.talking


def test_push_to_talk_ends_by_itself_unless_it_is_said_again() -> None:
    clock = ManualClock()
    gate = TalkGate(clock)
    gate.talk("alice", True)
    clock.now += LONGEST - 1
    gate.talk("alice", True)
    clock.now += LONGEST - 1
    assert gate.talking
    clock.now += 1
    assert not gate.talking
