"""How a call ends whatever went wrong with it, its own rules included."""

from __future__ import annotations

import logging

from agent.core.call import events as ev
from agent.core.call.incoming import IncomingCall
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CloseReason, Side

logger = logging.getLogger(__name__)


def closing_effects(
    rules: IncomingCall | OutgoingCall, reason: CloseReason, now: float
) -> list[ev.Effect]:
    """What closes `rules` for `reason`, `Closed` last; where its rules cannot, the remote peer is
    told all the same.
    """
    try:
        effects = rules.handle(ev.CloseRequested(reason), now).effects
    except Exception:
        logger.exception("%s cannot be closed by its rules", rules.conversation)
        effects = []
    if rules.closed is None:
        tell: list[ev.Effect] = [ev.SendClose(rules.remote_uid, reason)]
        rules.state, effects = rules.end(now, reason, Side.LOCAL, tell)
    assert rules.closed is not None  # noqa: S101 - for the type checker
    return effects or [rules.closed]
