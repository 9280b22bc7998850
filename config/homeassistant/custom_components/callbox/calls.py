"""The calls of one household to one device: each player in a browser is a conversation (PROTOCOL 2
and 3). Nothing here knows Home Assistant.

A player without a microphone looks (a *view*), which takes no line and lets a bell ring on. One
with a microphone talks. Home Assistant's player does not add its microphone to the connection that
it has: it closes that one and begins anew. So a view that its player has left is kept for a moment,
and whoever begins then goes on in the same conversation, by a fresh transport. An ICE restart of a
player is that, too: it is recognized by its fingerprint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

from .descriptions import fingerprint, sends_sound
from .pacing import Body, Cancel, InvitationBudget, Later

# seconds: an invitation's, also where a person is asked first
LIFETIME = 30
# seconds until the device has said something at all
PATIENCE = 8.0
# seconds for which a view is kept without a player
GRACE = 1.5
# players at once; a device lets 16 look
MOST = 24


class Player(Protocol):
    """Whoever shows the picture."""

    def answer(self, sdp: str) -> None: ...

    def candidate(self, candidate: dict[str, Any]) -> None: ...

    def over(self, code: str) -> None:
        """It ended, or never began: why."""


@dataclass
class Call:
    """A conversation with the device, and the player that shows it."""

    session: str
    player: Player | None
    sdp: str
    talks: bool
    conversation: str = field(default_factory=lambda: str(uuid4()))
    party: str = field(default_factory=lambda: str(uuid4()))
    generation: int = 0
    accepted: bool = False
    # a view that has asked to talk, and has no answer yet
    asks: bool = False
    timer: Cancel | None = None

    def stop_timer(self) -> None:
        if self.timer is not None:
            self.timer()
            self.timer = None


class DeviceCalls:
    """`say` sends a message; `tell` hears how each invitation was answered: a code, or None where
    it was ACCEPTED; `changed` hears that the number of those that were accepted is another one.
    """

    def __init__(
        self,
        say: Callable[[Body], None],
        later: Later,
        *,
        monotonic: Callable[[], float],
        wall: Callable[[], datetime],
        tell: Callable[[str | None], None],
        changed: Callable[[], None],
    ) -> None:
        self._say_body, self._later, self._wall = say, later, wall
        self._tell, self._changed = tell, changed
        self._calls: list[Call] = []
        self._budget = InvitationBudget(monotonic)
        # how far the device's clock is ahead of ours
        self._ahead = timedelta()

    @property
    def accepted(self) -> int:
        """Those that a player shows."""
        return sum(each.accepted and each.player is not None for each in self._calls)

    def describe(self) -> list[dict[str, Any]]:
        """For diagnostics."""
        return [
            {
                "conversation": each.conversation,
                "purpose": "talk" if each.talks else "view",
                "accepted": each.accepted,
                "generation": each.generation,
                "shown": each.player is not None,
            }
            for each in self._calls
        ]

    # -- what a player wants -----------------------------------------------------------------------

    def offer(self, session: str, sdp: str, player: Player) -> None:
        """A player begins, or begins anew."""
        talks = sends_sound(sdp)
        call = self._restarted(sdp) or self._left_behind()
        if call is None and len(self._calls) >= MOST:
            player.over("too_many_screens")
            return
        upgrades = call is not None and talks and not call.talks
        # a view that asks to talk is counted as an invitation
        if (call is None or upgrades) and not self._budget.take():
            player.over("rate_limited")
            return
        if call is None:
            self._invite(Call(session, player, sdp, talks))
            return
        call.stop_timer()
        call.session, call.player, call.sdp, call.asks = session, player, sdp, upgrades
        call.generation += 1
        call.timer = self._later(PATIENCE, lambda: self._end(call, "no_answer", close=True))
        self._say(call, type="offer", generation=call.generation, sdp=sdp)
        self._changed()

    def candidate(self, session: str, candidate: dict[str, Any] | None) -> None:
        """None is the end of them. One of a player that has gone is dropped."""
        call = self._of_session(session)
        if call is not None:
            self._say(call, type="candidate", candidate=candidate)

    def leave(self, session: str) -> None:
        """A player has gone."""
        call = self._of_session(session)
        if call is None:
            return
        call.stop_timer()
        call.player = None
        if call.accepted and not call.talks and not call.asks:
            call.timer = self._later(GRACE, lambda: self._close(call, "user_hangup"))
            self._changed()
        else:
            self._close(call, "user_hangup" if call.accepted else "cancelled")

    def end_all(self, code: str, *, close: bool) -> None:
        """The device is gone, or we are; `close` tells the device."""
        for each in list(self._calls):
            self._end(each, code, close=close)

    # -- what the device says ----------------------------------------------------------------------

    def signal(self, body: Body) -> None:
        """A message of the device; one of a conversation that is not known is ignored."""
        wanted = body.get("conversation")
        call = next((each for each in self._calls if each.conversation == wanted), None)
        if call is None:
            return
        match body.get("type"):
            case "ringing" if not call.accepted:
                self._rings(call, body.get("expiresIn"))
            case "response" if not call.accepted:
                self._answered(call, body)
            case "answer" if body.get("generation") == call.generation:
                self._renewed(call, body.get("sdp"))
            case "offer" if isinstance(body.get("generation"), int):
                # it cannot be shown to the player, whose own ICE restart helps; ours must be newer
                call.generation = max(call.generation, body["generation"])
            case "candidate" if isinstance(line := body.get("candidate"), dict):
                if call.player is not None and line.get("candidate"):
                    call.player.candidate(line)
            case "close":
                self._end(call, str(body.get("reason")), close=False)
            case "error":
                self._refused(call, str(body.get("code")))

    def _rings(self, call: Call, expires_in: object) -> None:
        call.stop_timer()
        seconds = expires_in if isinstance(expires_in, int | float) else LIFETIME
        call.timer = self._later(
            min(max(seconds, 1), 120) + 2, lambda: self._end(call, "invite_timeout", close=True)
        )

    def _answered(self, call: Call, body: Body) -> None:
        status, sdp = body.get("callStatus"), body.get("sdp")
        if status == "ACCEPTED" and isinstance(sdp, str):
            call.stop_timer()
            call.accepted = True
            self._tell(None)
            if call.player is not None:
                call.player.answer(sdp)
            self._changed()
            return
        reason = str(body.get("reason") or status).lower()
        if reason == "expired" and not self._ahead and self._correct(body.get("now")):
            # once more, by the device's clock, as a conversation of its own
            self._calls.remove(call)
            call.stop_timer()
            if call.player is not None:
                self._invite(Call(call.session, call.player, call.sdp, call.talks))
            return
        codes = {"timeout": "invite_timeout", "accepted": "unusable_sdp"}
        self._tell(codes.get(reason, reason))
        self._end(call, codes.get(reason, reason), close=status == "ACCEPTED")

    def _correct(self, now: object) -> bool:
        """Whether the device's time was understood."""
        try:
            theirs = datetime.fromisoformat(str(now))
        except ValueError:
            return False
        if theirs.tzinfo is None:
            return False
        self._ahead = theirs - self._wall()
        return True

    def _renewed(self, call: Call, sdp: object) -> None:
        if not isinstance(sdp, str):
            return
        call.stop_timer()
        call.talks, call.asks = call.talks or call.asks, False
        if call.player is not None:
            call.player.answer(sdp)

    def _refused(self, call: Call, code: str) -> None:
        """Only a view that wants to talk is refused like this; other errors change nothing."""
        if not call.asks:
            return
        if code == "must_ring" and call.player is not None:
            # somebody there has to be asked, as for any call
            player, call.player = call.player, None
            self._close(call, "user_hangup")
            self._invite(Call(call.session, player, call.sdp, talks=True))
            return
        self._tell(code)
        self._end(call, code, close=True)

    # -- one call ----------------------------------------------------------------------------------

    def _restarted(self, sdp: str) -> Call | None:
        """The call of a player that restarts ICE."""
        own = fingerprint(sdp)
        same = (each for each in self._calls if own and fingerprint(each.sdp) == own)
        return next((each for each in same if each.accepted), None)

    def _left_behind(self) -> Call | None:
        """A view without a player; the one that was left last."""
        left = (each for each in reversed(self._calls) if each.player is None)
        return next((each for each in left if each.accepted), None)

    def _of_session(self, session: str) -> Call | None:
        return next((each for each in self._calls if each.session == session and each.player), None)

    def _invite(self, call: Call) -> None:
        self._calls.append(call)
        sent_at = (self._wall() + self._ahead).astimezone(UTC).isoformat(timespec="milliseconds")
        call.timer = self._later(PATIENCE, lambda: self._unheard(call))
        self._say(
            call,
            type="invite",
            sdp=call.sdp,
            sentAt=sent_at.replace("+00:00", "Z"),
            lifetime=LIFETIME,
            purpose="talk" if call.talks else "view",
            userData={"via": "homeassistant"},
        )

    def _unheard(self, call: Call) -> None:
        self._tell("no_answer")
        self._end(call, "no_answer", close=True)

    def _close(self, call: Call, reason: str) -> None:
        call.stop_timer()
        if call in self._calls:
            self._calls.remove(call)
            self._say(call, type="close", reason=reason)
            self._changed()

    def _end(self, call: Call, code: str, *, close: bool) -> None:
        """It is over, and its player hears why."""
        call.stop_timer()
        player, call.player = call.player, None
        if close:
            self._close(call, "user_hangup" if call.accepted else "cancelled")
        elif call in self._calls:
            self._calls.remove(call)
            self._changed()
        if player is not None:
            player.over(code)

    def _say(self, call: Call, **fields: Any) -> None:
        self._say_body({"conversation": call.conversation, "party": call.party, **fields})
