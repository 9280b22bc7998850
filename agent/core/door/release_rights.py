"""Who may have a door released by signal (PROTOCOL 3): the party with whom a call is, or was until
30 s ago.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from agent.core.call.incoming import IncomingCall
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CallStatus, CloseReason, Purpose
from agent.core.policy.override import OVERRIDE

# seconds after a call
AFTERWARDS = 30.0
# calls that are remembered
MAX_PAST = 64
# nothing may be opened after these
_ENDS_THE_RIGHT = (
    CloseReason.PRIVACY_MODE,
    CloseReason.REPLACED,
    CloseReason.ANSWERED_ELSEWHERE,
)


@dataclass(frozen=True, slots=True)
class Holder:
    """With whom a call is. `open` is what the rule says that let it in; None: the rules are asked
    now.
    """

    uid: str
    party: str
    open: bool | None


def holder_of(call: IncomingCall | OutgoingCall) -> Holder | None:
    """Who may open in a call that was accepted, as far as its rule allows it; nobody where it only
    looks.
    """
    party = call.remote.party
    talks = call.viewing.purpose is Purpose.TALK
    if party is None or not talks or call.call_status is not CallStatus.ACCEPTED:
        return None
    asks_now = isinstance(call, OutgoingCall) or call.rule == OVERRIDE
    return Holder(call.remote_uid, party, None if asks_now else call.grant.open)


class ReleaseRights:
    """Those of calls that are over. Keys are conversation ids on the wire; `now` is in seconds of a
    clock that is never set.
    """

    def __init__(self) -> None:
        self._past: OrderedDict[str, tuple[float, Holder]] = OrderedDict()

    def ended(self, call: IncomingCall | OutgoingCall, now: float) -> None:
        """`call` has closed."""
        holder = holder_of(call)
        if holder is None or call.closed is None or call.closed.reason in _ENDS_THE_RIGHT:
            return
        self._past[call.signaled_as] = (now, holder)
        if len(self._past) > MAX_PAST:
            self._past.popitem(last=False)

    def holder(
        self, conversation: str, call: IncomingCall | OutgoingCall | None, now: float
    ) -> Holder | None:
        """Who may open in that conversation now; `call` is it, while it goes on."""
        if call is not None and call.closed is None:
            return holder_of(call)
        found = self._past.get(conversation)
        if found is None or now - found[0] > AFTERWARDS:
            return None
        return found[1]
