"""What both sides of a simulated call say can be collected, and fits together."""

from __future__ import annotations

import json
import random
from itertools import pairwise

from agent.fleet.call_row import CallResult, call_row
from agent.fleet.intake import Collected, FleetMessage, Intake
from agent.fleet.simulation.virtual_call import VirtualCall
from agent.signaling.protocol.telemetry import EVENTS

BEGUN = 1_795_000_000.0
INTAKE = Intake(["callbox/v1"], statistics=True)


def planned(seed: int, signal: float = 0.9) -> VirtualCall:
    return VirtualCall.plan("lobby", "garage", random.Random(seed), signal)


def test_virtual_call_is_told_by_both_and_can_be_read() -> None:
    results = set()
    for seed in range(200):
        call = planned(seed)
        said = list(call.said(BEGUN))
        records = [each.body for each in said if each.event == "closed"]
        assert {each["device"] for each in records} == {"lobby", "garage"}
        assert {each["closedBy"] for each in records} == {"local", "remote"}
        for each in said:
            EVENTS[each.event].model_validate(each.body)
            topic = f"callbox/v1/{each.device}/events/{each.event}"
            payload = json.dumps(each.body).encode()
            read = INTAKE.read(FleetMessage(topic, payload, round((BEGUN + 3600) * 1000)))
            assert isinstance(read, Collected), read
        results |= {call_row(each).result for each in records}
    wanted = {CallResult.CONNECTED, CallResult.REFUSED, CallResult.UNANSWERED, CallResult.FAILED}
    assert results == wanted


def test_virtual_call_says_each_event_once() -> None:
    for seed in range(50):
        ids = [each.body["eventId"] for each in planned(seed).said(BEGUN)]
        assert len(ids) == len(set(ids))


def test_virtual_call_is_set_up_in_order() -> None:
    for seed in range(50):
        for each in planned(seed).said(BEGUN):
            setup = list(each.body.get("setup", {}).values())
            assert all(before <= after for before, after in pairwise(setup))


def test_virtual_call_of_a_weak_signal_is_worse() -> None:
    def mos(signal: float) -> float:
        found = [
            each.body["quality"]["mos"]
            for seed in range(100)
            for each in planned(seed, signal).said(BEGUN, statistics=False)
            if "quality" in each.body
        ]
        return float(sum(found) / len(found))

    assert mos(0.2) < mos(1.0) - 1
