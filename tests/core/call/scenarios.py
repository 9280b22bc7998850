"""Runs the scenarios of `tests/data/scenarios` against the rules.

`python -m tests.core.call.scenarios` fills in what each step is expected to come to: for whoever
adds one, who reads then whether that is right.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.core.call import events as ev
from agent.core.call.crossings import FollowUp
from agent.core.call.decision import Admission, Decision
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import State, Timing
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CallMode, CloseReason, Purpose
from agent.core.call.registry import MAX_VIEWERS, CallRegistry
from agent.core.policy.rate_limiter import RateLimiter
from tests.core.call.scenario_codec import decode, decode_input, encode, encode_effects

FOLDER = Path(__file__).parent.parent.parent / "data" / "scenarios"
AnyCall = IncomingCall | OutgoingCall
Json = dict[str, Any]


def load(path: Path) -> Json:
    scenario: Json = json.loads(path.read_text("utf-8"))
    return scenario


def timing_of(scenario: Json) -> Timing:
    timing: Timing = decode(Timing, scenario.get("timing", {}))
    return timing


def make_incoming(scenario: Json, call: Json, now: float) -> IncomingCall:
    decision = decode(Decision | None, call.get("decision"))
    invitation = decode(ev.Invitation, call["invitation"])
    crossing = decode(ev.CrossingFound | None, call.get("crossing"))
    timing = timing_of(scenario)
    return IncomingCall(invitation, scenario["ownParty"], timing, now, decision, crossing)


def make_outgoing(scenario: Json, call: Json, now: float) -> OutgoingCall:
    kinds = {"mode": CallMode, "lifetime": float, "purpose": Purpose}
    fields: Json = {name: kind(call[name]) for name, kind in kinds.items() if name in call}
    return OutgoingCall(
        call["conversation"],
        scenario["ownParty"],
        call["targets"],
        timing_of(scenario),
        now,
        grant=decode(ev.MediaGrant | None, call.get("grant")),
        user_data=call.get("userData"),
        second_id=call.get("secondId"),
        **fields,
    )


class CallRun:
    """One call, from `start` on."""

    def __init__(self, scenario: Json) -> None:
        self._scenario = scenario
        self._call: AnyCall | None = None

    def step(self, step: Json) -> Json:
        now = step["at"]
        if "start" in step:
            make = make_incoming if self._scenario["role"] == "incoming" else make_outgoing
            self._call = make(self._scenario, step["start"], now)
            effects, refused = self._call.start(now), None
        else:
            assert self._call is not None
            effects, refused = self._call.handle(decode_input(step["input"]), now)
        return {
            **({"refused": True} if refused else {}),
            "effects": encode_effects(effects),
            "state": self._call.state.value,
            "deadline": encode(self._call.next_deadline()),
        }


class RegistryRun:
    """All calls of one party: as a client does, it asks the registry and routes what arrives."""

    def __init__(self, scenario: Json) -> None:
        self._scenario = scenario
        self._registry = CallRegistry(
            RateLimiter(),
            max_conversations=scenario.get("maxConversations", 1),
            max_viewers=scenario.get("maxViewers", MAX_VIEWERS),
        )

    def step(self, step: Json) -> Json:
        now, result = step["at"], dict[str, Any]()
        if "start" in step:
            call = make_outgoing(self._scenario, step["start"], now)
            effects = self._begin(call, now)
        elif "invitation" in step:
            admission, effects = self._invited(step, now)
            result["admission"] = admission.value
        else:
            effects = self._heard(step["conversation"], decode_input(step["input"]), now)
            effects += self._displaced(step["conversation"], now, result)
        result |= {"effects": encode_effects(effects), "busy": self._registry.busy}
        return result

    def _begin(self, call: AnyCall, now: float, own: OutgoingCall | None = None) -> list[ev.Effect]:
        follow_ups = self._registry.add(call, own)
        effects = call.start(now)
        if call.state is State.CLOSED:
            self._registry.remove(call, now)
        return effects + self._follow(self._registry.follow(call) + follow_ups, now)

    def _follow(self, follow_ups: list[FollowUp], now: float) -> list[ev.Effect]:
        """What comes of what calls that cross mean for each other."""
        effects: list[ev.Effect] = []
        for call, event in follow_ups:
            effects += self._take(call, event, now)
        return effects

    def _take(self, call: AnyCall, event: ev.Input, now: float) -> list[ev.Effect]:
        signaled_as = call.signaled_as
        effects, refused = call.handle(event, now)
        if refused:
            return []
        if isinstance(call, OutgoingCall) and call.signaled_as != signaled_as:
            self._registry.rename(call, signaled_as, now)
        if call.state is State.CLOSED:
            self._registry.remove(call, now)
        return effects + self._follow(self._registry.follow(call), now)

    def _invited(self, step: Json, now: float) -> tuple[Admission, list[ev.Effect]]:
        invitation = decode(ev.Invitation, step["invitation"])
        result = self._registry.admit(invitation, now)
        if result.admission is not Admission.NEW:
            return result.admission, list(result.effects)
        ruling = self._registry.rule(invitation, decode(Decision | None, step.get("decision")))
        own_party, timing = self._scenario["ownParty"], timing_of(self._scenario)
        call = IncomingCall(invitation, own_party, timing, now, ruling.decision, ruling.crossing)
        return result.admission, self._begin(call, now, ruling.own)

    def _heard(self, conversation: str, event: ev.Input, now: float) -> list[ev.Effect]:
        call = self._registry.calls.get(conversation)
        if call is None:
            return self._stray(conversation, event, now)
        instead = self._registry.defer(call, event)
        return self._take(call, event, now) if instead is None else self._follow(instead, now)

    def _displaced(self, conversation: str, now: float, result: Json) -> list[ev.Effect]:
        """What a call whose line the one of `conversation` takes over says as it ends."""
        call = self._registry.calls.get(conversation)
        lost = self._registry.displaced_by(call) if call is not None and call.accepted else None
        if lost is None:
            return []
        result["displaced"] = lost.conversation
        effects = lost.handle(ev.CloseRequested(CloseReason.REPLACED), now).effects
        self._registry.remove(lost, now)
        return effects

    def _stray(self, conversation: str, event: ev.Input, now: float) -> list[ev.Effect]:
        if isinstance(event, ev.CloseReceived):
            self._registry.unknown_close(conversation, event.uid, now)
        if isinstance(event, ev.ResponseReceived | ev.RingingReceived):
            return self._registry.unknown_response(conversation, event)
        return []


EXPECTED = ("admission", "displaced", "refused", "effects", "state", "deadline", "busy")


def run(scenario: Json, check: Callable[[Json, Json], None]) -> None:
    """Run `scenario`; `check(step, outcome)` after each of its steps."""
    runner = RegistryRun(scenario) if scenario["role"] == "registry" else CallRun(scenario)
    for step in scenario["steps"]:
        check(step, runner.step(step))


def fill_in(path: Path) -> None:
    """Write what each step comes to into the scenario."""
    scenario = load(path)

    def note(step: Json, outcome: Json) -> None:
        for name in EXPECTED:
            step.pop(name, None)
        step.update(outcome)

    run(scenario, note)
    path.write_text(text_of(scenario), encoding="utf-8")


def text_of(scenario: Json) -> str:
    """One line for each step's input and for each effect."""
    lines = ["{"]
    for name, value in scenario.items():
        if name != "steps":
            lines.append(f"  {json.dumps(name)}: {json.dumps(value)},")
    steps = ",\n".join(_step(step) for step in scenario["steps"])
    return "\n".join([*lines, '  "steps": [', steps, "  ]", "}"]) + "\n"


def _step(step: Json) -> str:
    lines = []
    for name, value in step.items():
        if name == "effects" and value:
            inner = ",\n".join(f"        {json.dumps(effect)}" for effect in value)
            lines.append(f'      "effects": [\n{inner}\n      ]')
        else:
            lines.append(f"      {json.dumps(name)}: {json.dumps(value)}")
    return "    {\n" + ",\n".join(lines) + "\n    }"


if __name__ == "__main__":
    for each in sorted(FOLDER.glob("*.json")):
        fill_in(each)
