"""The tables of a call as one document, for implementations in other languages.

`config/call-table.json` is made from it (`python -m agent.core.call config`). Names are camelCase,
as on the wire: the input `PeerConnected` is `peerConnected`, its field `sdp_mid` is `sdpMid`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, get_args

from agent.core.call import liveness, renewals
from agent.core.call.answered import SHARED
from agent.core.call.effects import Effect
from agent.core.call.incoming import IncomingCall
from agent.core.call.inputs import Input
from agent.core.call.machine import State, Table, Timing, Transitions
from agent.core.call.notices import Notice
from agent.core.call.outgoing import OutgoingCall

COMMENT = (
    "Generated from agent/core/call by `make generate`; format: tests/data/scenarios/README.md"
)


def camel_case(name: str) -> str:
    """`PeerConnected` and `sdp_mid` as `peerConnected` and `sdpMid`."""
    head, *rest = name.split("_")
    return head[0].lower() + head[1:] + "".join(part.capitalize() for part in rest)


def call_table() -> dict[str, Any]:
    """Timing (seconds), states, the fields of inputs and effects, and for each role, state and
    input the states that it may lead to. `shared` are the rows that both roles have; `liveness` and
    `renewals` the smaller machines that a call holds.
    """
    notices = set(get_args(Notice))
    return {
        "comment": COMMENT,
        "timing": {camel_case(name): value for name, value in dataclasses.asdict(Timing()).items()},
        "states": [state.value for state in State],
        "inputs": _fields(get_args(Input)),
        "effects": _fields(kind for kind in get_args(Effect) if kind not in notices),
        "notices": _fields(get_args(Notice)),
        "tables": {
            "incoming": _rows(IncomingCall.TABLE),
            "outgoing": _rows(OutgoingCall.TABLE),
            "shared": _rows(SHARED),
        },
        "liveness": transitions(liveness.TRANSITIONS),
        "renewals": transitions(renewals.TRANSITIONS),
    }


def transitions(table: Transitions[Any, Any]) -> dict[str, dict[str, list[str]]]:
    """One of the smaller machines: for each state and event the state that it leads to."""
    return {
        state.value: {
            camel_case(event.value.replace(" ", "_")): [to.value] for event, to in row.items()
        }
        for state, row in table.items()
    }


def _fields(kinds: Iterable[type]) -> dict[str, list[str]]:
    """The fields of each kind; those that may be left out end with `?`."""
    return {
        camel_case(kind.__name__): [_field(each) for each in dataclasses.fields(kind)]
        for kind in kinds
    }


def _field(field: dataclasses.Field[Any]) -> str:
    required = field.default is field.default_factory is dataclasses.MISSING
    return camel_case(field.name) + ("" if required else "?")


def _rows(table: Table) -> dict[str, dict[str, list[str]]]:
    order = list(State)
    return {
        state.value: {
            camel_case(kind.__name__): [
                to.value for to in sorted(row.leads_to(state), key=order.index)
            ]
            for kind, row in rows.items()
        }
        for state, rows in table.items()
    }
