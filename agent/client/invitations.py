"""How an invitation goes out: again while nobody hears it, and to an end where it is forbidden."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from agent.core.call import events as ev
from agent.core.call.delivery import Delivery
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CloseReason
from agent.errors import NotAuthorized, SignalingError

# seconds; who has lost the broker for a moment is soon back
REPEAT = 1.0
UNREACHABLE = "unreachable"
NOT_AUTHORIZED = "not_authorized"


class Invitations:
    """Those of one call, if it is an outgoing one. `send` says a message, `fail` raises an error in
    the call, `post` hands in an input. `spawn` runs what waits for the broker; its owner awaits it.
    """

    def __init__(
        self,
        rules: object,
        send: Callable[[ev.SendInvite | ev.SendCandidate], asyncio.Future[Delivery]],
        *,
        fail: Callable[[ev.ErrorRaised], None],
        post: Callable[[ev.Input], None],
        spawn: Callable[[Awaitable[None]], Any],
    ) -> None:
        self._rules = rules
        self._send = send
        self._fail = fail
        self._post = post
        self._spawn = spawn
        self._unheard: set[str] = set()
        # of whom it was said that they are not there
        self._told: set[str] = set()
        self._over = asyncio.Event()

    def send(self, invite: ev.SendInvite) -> None:
        """At once; what becomes of it follows."""
        assert isinstance(self._rules, OutgoingCall)  # noqa: S101 - nobody else invites
        delivery = self._send(invite)
        self._spawn(self._see_through(self._rules, invite, delivery))

    def end(self) -> None:
        """The call is over."""
        self._over.set()

    async def _see_through(
        self, rules: OutgoingCall, invite: ev.SendInvite, delivery: asyncio.Future[Delivery]
    ) -> None:
        loop, signaled_as = asyncio.get_running_loop(), rules.signaled_as
        began = loop.time()

        def waits() -> bool:
            is_waiting = any(each.uid == invite.to for each in rules.targets.waiting)
            return is_waiting and rules.signaled_as == signaled_as

        while await self._outcome(delivery, invite.to, rules) is Delivery.UNHEARD and waits():
            self._tell(rules, invite.to)
            if await self._over_within(REPEAT) or not waits():
                return
            # it ends when it would have ended
            left = max(1.0, invite.lifetime - (loop.time() - began))
            delivery = self._send(replace(invite, lifetime=left))
            for candidate in rules.candidates.found:
                self._send(ev.SendCandidate(invite.to, candidate))
        self._unheard.discard(invite.to)

    async def _outcome(
        self, delivery: asyncio.Future[Delivery], to: str, rules: OutgoingCall
    ) -> Delivery | None:
        """None where nothing follows: the call is over, or it was not taken, which was logged."""
        over = asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait((delivery, over), return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
            await asyncio.gather(over, return_exceptions=True)
        if self._over.is_set():
            return None
        try:
            return delivery.result()
        except NotAuthorized:
            self._forbidden(rules, to)
        except SignalingError:
            pass
        return None

    async def _over_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()
        return self._over.is_set()

    def _tell(self, rules: OutgoingCall, uid: str) -> None:
        """That nobody is there, once all who are asked are not."""
        self._unheard.add(uid)
        waiting = [each.uid for each in rules.targets.waiting]
        if not self._unheard.issuperset(waiting) or self._told.issuperset(waiting):
            return
        self._told.update(waiting)
        text = f"nobody called {' or '.join(waiting)} is connected to the broker"
        self._fail(ev.ErrorRaised(UNREACHABLE, text))

    def _forbidden(self, rules: OutgoingCall, uid: str) -> None:
        """Nothing that we send would ever arrive there; where there are others, they decide."""
        text = f"the broker does not let this name call {uid}"
        if [each.uid for each in rules.targets if each.status is None] == [uid]:
            self._fail(ev.ErrorRaised(NOT_AUTHORIZED, text))
            self._post(ev.CloseRequested(CloseReason.CANCELLED))
        else:
            self._post(ev.ErrorReceived(uid, "", NOT_AUTHORIZED, text))
