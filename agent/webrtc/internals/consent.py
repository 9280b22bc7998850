"""Consent freshness (RFC 7675), and whether anything comes from the remote peer at all."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable

import aioice
import aioice.ice
import aioice.stun

from agent.webrtc.internals.datagram_guard import guard_of
from agent.webrtc.internals.failover import Failover

# seconds between checks, +-20 %
CONSENT_INTERVAL = 1.0
# seconds without an answer, whatever arrives: nothing may be sent any more (RFC 7675 5.1)
CONSENT_EXPIRY = 30.0
# seconds without anything at all: told
SILENCE = 3.0
# seconds without a sign that anything of ours arrives, which comes a second late: told as well
ONE_WAY = 2.5
# seconds since the last packet, in which that is no silence
LIVELY = 1.0
# seconds without such a sign, after which one is asked for more often, and other pairs are tried
DOUBT, DEAD = 0.7, 1.0
# seconds of a round trip that was not measured yet
LONG_WAY = 1.0
# seconds between two looks at what has come
LISTENING = 0.25
LISTENING_IN_SILENCE = 0.05
# seconds between checks, then
ASKING_IN_SILENCE = 0.25
# seconds without a packet after we have moved to another pair: the remote peer has not moved yet
NOT_FOLLOWED = 0.6


class ConsentWatch:
    """Consent freshness (RFC 7675), the round trip, and whether anything comes at all.

    A silent path is told of and kept: checks and media go on until consent has expired, so that it
    works again as soon as the network does. What counts as something is authenticated: an answer to
    a check, a check of the remote peer, a packet of DTLS or SRTP. Time in which we did not listen
    (a stopped process) is no silence.

    A path may be dead in our direction alone: then what is sent by the remote peer arrives, but no
    answer and no report on anything new. That is told of like silence, and ends with such a sign.
    Where it is this pair alone that is dead, `Failover` moves the media to another one before that.
    """

    def __init__(
        self,
        ice: aioice.ice.Connection,
        packets_received: Callable[[], int],
        acknowledged: Callable[[], int],
        on_silent: Callable[[float], None],
        on_heard: Callable[[], None],
        on_listened: Callable[[float], None],
        on_moved: Callable[[], None],
    ) -> None:
        """`acknowledged` grows with each report that names a packet of ours that none named before.
        `on_silent` gets the seconds since the last sign of life, `on_listened` those in which there
        were some. `on_moved`: the media goes over another pair, as the one in use was dead.
        """
        self.round_trip_time: float | None = None
        self.lost = False
        self._silent = False
        self._ice = ice
        self._packets_received, self._acknowledged = packets_received, acknowledged
        self._on_silent, self._on_heard, self._on_listened = on_silent, on_heard, on_listened
        self._on_moved = on_moved
        self._failover = Failover(ice, self._arrived, self._moved)
        # packets of the remote peer when we moved, and seconds since; until one came
        self._left_behind: tuple[int, float] | None = None
        # the next check is due at once
        self._hurry = asyncio.Event()
        # answers and checks of the remote peer
        self._signs = 0
        # answers alone
        self._answers = 0
        self._answered_at = 0.0
        # seconds without a sign that what we send arrives
        self._unanswered = 0.0
        self._check_incoming = ice.check_incoming
        ice.check_incoming = self._checked  # type: ignore[method-assign]
        ice.query_consent = self._watch  # type: ignore[method-assign]

    @property
    def signs(self) -> int:
        """Checks of the remote peer that came, and answers to ours."""
        return self._signs

    def _checked(
        self, message: aioice.stun.Message, addr: tuple[str, int], protocol: aioice.ice.StunProtocol
    ) -> None:
        self._signs += 1
        self._check_incoming(message, addr, protocol)

    async def _watch(self) -> None:
        self._answered_at = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            others = [tasks.create_task(self._ask()), tasks.create_task(self._failover.run())]
            await self._listen()
            for each in others:
                each.cancel()
        self.lost = True
        self._ice._query_consent_task = None
        await self._ice.close()

    async def _listen(self) -> None:
        """Until consent has expired."""
        now, heard, arrived, quiet = time.monotonic(), self._heard(), self._arrived(), 0.0
        # dead in our direction alone
        one_way = False
        while now - self._answered_at < CONSENT_EXPIRY:
            hurried = self._doubtful or self._left_behind is not None
            pause = LISTENING_IN_SILENCE if hurried else LISTENING
            await asyncio.sleep(pause)
            before, now = now, time.monotonic()
            listened = min(now - before, 2 * pause)
            quiet, self._unanswered = quiet + listened, self._unanswered + listened
            if self._arrived() != arrived:
                arrived, self._unanswered, one_way = self._arrived(), 0.0, False
            if self._heard() != heard:
                heard, quiet = self._heard(), 0.0
                if self._silent and not one_way:
                    self._silent, self._unanswered = False, 0.0
                    self._on_heard()
            self._doubt(self._unanswered - listened)
            unanswered = self._unanswered >= ONE_WAY and quiet < LIVELY
            if (quiet >= SILENCE or unanswered) and not self._silent:
                self._silent, one_way = True, quiet < SILENCE
                self._on_silent(max(quiet, self._unanswered))
            self._see_whether_followed(listened)
            if not self._silent:
                self._on_listened(listened)

    @property
    def _doubtful(self) -> bool:
        return self._silent or self._unanswered >= DOUBT

    def _doubt(self, before: float) -> None:
        """`before`: the seconds without an answer at the last look. A long way has its time."""
        if self._unanswered >= DOUBT > before:
            self._hurry.set()
        way = LONG_WAY if self.round_trip_time is None else self.round_trip_time
        self._failover.want(self._unanswered >= DEAD + way)

    def _moved(self) -> None:
        """Another pair was answered: it has consent, and says so to a side that is controlled."""
        self._note_answer()
        self._hurry.set()
        self._left_behind = self._packets_received(), 0.0
        self._on_moved()

    def _see_whether_followed(self, listened: float) -> None:
        """A remote peer that chooses the pairs goes on sending into the dead path, for seconds: a
        fresh transport is quicker.
        """
        if self._left_behind is None:
            return
        packets, seconds = self._left_behind[0], self._left_behind[1] + listened
        if self._packets_received() != packets:
            self._left_behind = None
        elif seconds < NOT_FOLLOWED:
            self._left_behind = packets, seconds
        else:
            self._left_behind = None
            if not self._silent:
                self._silent = True
                self._on_silent(seconds)

    def _heard(self) -> int:
        return self._signs + self._packets_received()

    def _arrived(self) -> int:
        """Signs that what we send arrives."""
        return self._answers + self._acknowledged()

    async def _ask(self) -> None:
        """One that is lost holds no other: each ends by itself, after 1.5 s."""
        async with asyncio.TaskGroup() as checks:
            while True:
                interval = ASKING_IN_SILENCE if self._doubtful else CONSENT_INTERVAL
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(interval * (0.8 + 0.4 * random.random())):  # noqa: S311 - jitter, no secret
                        await self._hurry.wait()
                self._hurry.clear()
                checks.create_task(self._ask_once(), name="consent")

    async def _ask_once(self) -> None:
        if await self._check():
            self._note_answer()

    def _note_answer(self) -> None:
        self._signs += 1
        self._answers += 1
        self._answered_at = time.monotonic()

    async def _check(self) -> bool:
        pair = self._ice._nominated.get(1)
        password = self._ice.remote_password
        if pair is None or password is None or pair.protocol.transport.is_closing():
            return False
        checks = guard_of(self._ice).checks
        try:
            round_trip_time = await checks.confirm(
                pair, password.encode("utf8"), nominate=self._failover.moved
            )
        except aioice.stun.TransactionError:
            return False
        if self._ice._nominated.get(1) is not pair:
            return False
        self.round_trip_time = round_trip_time
        return True
