"""Turns presses of buttons into rings: whom it calls, and what is told of it (PROTOCOL 5)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from types import TracebackType
from typing import Literal, Self

from agent.client.call_client import CallClient
from agent.client.conversation import Conversation
from agent.client.tasks import Tasks
from agent.core.call.decision import Action
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import State
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CallStatus, CloseReason, Purpose
from agent.core.ring.press_rate import Judgement
from agent.core.ring.ring_plan import RingPlan, choose_list, without
from agent.device.clock_watch import is_set
from agent.device.doorbell_ports import ComingPicture, DoorbellPorts
from agent.device.press_limits import PressLimits
from agent.device.ring_events import RingEvents
from agent.doorbell.button_settings import ButtonSettings
from agent.doorbell.ring_settings import RingSettings
from agent.errors import InvalidStateError, NotSupportedError
from agent.signaling.broker import Broker
from agent.signaling.protocol import messages as wire

logger = logging.getLogger(__name__)

Suppressed = Literal["rate_limited", "privacy_mode", "busy", "already_ringing", "offline"]
# seconds for rings under way at the end
FINISH_TIMEOUT = 2.0


@dataclass(frozen=True, slots=True)
class PressOutcome:
    """What came of a press. `event` is its ring, None where it belongs to one before; `waits`: it
    is called as soon as the broker is there.
    """

    event: wire.RingEvent | None = None
    suppressed: Suppressed | None = None
    waits: bool = False


@dataclass(slots=True)
class Ring:
    """One press on its way: `event` as it stands, `plan` the rounds that are left."""

    event: wire.RingEvent
    plan: RingPlan
    # of its invitations; a picture that is made later is added for the next
    user_data: dict[str, object] = field(default_factory=dict)
    conversation: Conversation | None = None
    opened: bool = False
    # nobody is at home: begun when the time is come, and ends with what the visitor left
    reply: asyncio.Future[str | None] | None = None
    waits: list[asyncio.Future[None]] = field(default_factory=list)


class Doorbell:
    """An async context inside the client's. `zone` is that of the lists; `now` the time of day in
    Unix seconds, `monotonic` a clock that is never set. What is set in `ports` counts from then on.
    """

    def __init__(
        self,
        buttons: tuple[ButtonSettings, ...],
        settings: RingSettings,
        client: CallClient,
        broker: Broker,
        events: RingEvents,
        *,
        zone: tzinfo,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        ports: DoorbellPorts | None = None,
    ) -> None:
        self.ports = ports or DoorbellPorts()
        self.events = events
        self._settings = settings
        self._client = client
        self._broker = broker
        self._zone = zone
        self._now = now
        self._buttons = {each.name: each for each in buttons}
        self._limits = PressLimits(self._buttons, settings.rate, self._tell_too_many, monotonic)
        self._ring: Ring | None = None
        self._connected = asyncio.Event()
        self._tasks = Tasks("doorbell")
        self._observers: list[Callable[[], None]] = []
        broker.on_connection(self.connection_changed)
        client.on("called", self._called)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._limits.close()
        if self._ring is not None and self._ring.conversation is not None:
            self._ring.conversation.hang_up(CloseReason.SHUTDOWN)
        await self._tasks.finish(FINISH_TIMEOUT)

    # -- what one can ask --------------------------------------------------------------------------

    @property
    def ringing(self) -> tuple[str, ...]:
        """Whom the device rings now because of a press."""
        ring = self._ring
        if ring is None or ring.conversation is None:
            return ()
        rings = ring.conversation.state in (State.OFFERING, State.INVITING)
        return ring.conversation.targets if rings else ()

    @property
    def waiting(self) -> bool:
        """Whether a press is on its way: it rings, waits for the broker, or for a message."""
        return self._ring is not None

    def button(self, name: str) -> ButtonSettings:
        """The one of that name, or the first for "". Raises NotSupportedError."""
        found = self._buttons.get(name) if name else next(iter(self._buttons.values()), None)
        if found is None:
            known = ", ".join(self._buttons) or "none"
            raise NotSupportedError(f"there is no button {name!r}; there are: {known}")
        return found

    def on_change(self, observer: Callable[[], None]) -> None:
        """Call `observer` when a ring begins, goes on to others, or ends."""
        self._observers.append(observer)

    async def press(self, name: str = "") -> PressOutcome:
        """A press that counts as one. Raises NotSupportedError where there is no such button."""
        button = self.button(name)
        judged = self._limits.press(button.name)
        if judged.judgement is Judgement.REPEATED:
            return PressOutcome()
        event = self.events.ring(button.name, self._plan(button).targets)
        if judged.judgement is Judgement.TOO_MANY:
            return PressOutcome(event, "rate_limited")
        self.ports.chime("button")
        return await self._begin(event, self._plan(button))

    def held(self, name: str) -> None:
        """A long press. Raises NotSupportedError where there is no such button."""
        self.ports.held(self.button(name))

    def door_opened(self) -> None:
        """Whoever is still rung hears `answered_elsewhere`, and nobody has missed the visitor."""
        if self._ring is not None:
            self._ring.opened = True
            if self.ringing and self._ring.conversation is not None:
                self._ring.conversation.hang_up(CloseReason.ANSWERED_ELSEWHERE)

    # -- one ring ----------------------------------------------------------------------------------

    def _plan(self, button: ButtonSettings) -> RingPlan:
        ring, now = self._settings, self._now()
        chosen = choose_list(
            [each.as_list for each in ring.list],
            button.ring,
            datetime.fromtimestamp(now, UTC),
            self._zone,
            clock_is_set=is_set(now),
        )
        targets = ring.targets if chosen is None else chosen.targets
        mode = ring.mode if chosen is None or chosen.mode is None else chosen.mode
        return RingPlan(without(targets, self._client.uid), mode, ring.ring_time, ring.rounds)

    def _obstacle(self, plan: RingPlan) -> Suppressed | None:
        if self.ports.privacy():
            return "privacy_mode"
        if self._ring is not None:
            return "already_ringing"
        talks = [
            each
            for each in self._client.conversations.values()
            if each.purpose is Purpose.TALK and each.state is not State.CLOSED
        ]
        if any(each.state in (State.OFFERING, State.INVITING) for each in talks):
            return "already_ringing"
        return "busy" if plan.targets and self._client.busy else None

    async def _begin(self, event: wire.RingEvent, plan: RingPlan) -> PressOutcome:
        obstacle = self._obstacle(plan)
        if obstacle is not None:
            return PressOutcome(self._tell_suppressed(event, obstacle), obstacle)
        if not plan.targets:
            self.events.tell(event)
            self.ports.picture(event)
            return PressOutcome(event)
        ring = self._ring = Ring(event, plan)
        waits = not self._broker.connected
        if waits:
            # what is told if the power fails while it waits
            self.events.hold(event.model_copy(update={"suppressed": "offline"}))
        picture = self.ports.picture(event)
        placed: asyncio.Future[PressOutcome] = asyncio.get_running_loop().create_future()
        self._tasks.spawn(self._run(ring, picture, placed))
        return PressOutcome(event, waits=True) if waits else await placed

    async def _run(
        self,
        ring: Ring,
        picture: ComingPicture | None,
        placed: asyncio.Future[PressOutcome],
    ) -> None:
        outcome = PressOutcome(ring.event, "offline")
        try:
            if await self._broker_returns(ring.plan.ring_time):
                outcome = self._place(ring, picture)
            else:
                outcome = PressOutcome(self._tell_suppressed(ring.event, "offline"), "offline")
            if not placed.done():
                placed.set_result(outcome)
            if ring.conversation is not None:
                await self._ring_out(ring)
        finally:
            if not placed.done():
                placed.set_result(outcome)
            for task in ring.waits:
                task.cancel()
            if ring.reply is not None:
                ring.reply.cancel()
            self._ring = None
            self._tell_change()

    def _place(self, ring: Ring, picture: ComingPicture | None) -> PressOutcome:
        """Call for the first round, and tell the ring."""
        obstacle: Suppressed | None = "privacy_mode" if self.ports.privacy() else None
        if obstacle is None:
            try:
                self._call(ring, picture)
            except InvalidStateError:
                # somebody else has taken the line in the meantime
                obstacle = "busy"
        if obstacle is not None or ring.conversation is None:
            return PressOutcome(self._tell_suppressed(ring.event, obstacle or "busy"), obstacle)
        ring.event = ring.event.model_copy(update={"conversation": ring.conversation.id})
        self.events.tell(ring.event)
        if self._settings.reply_after is not None and self.ports.nobody_home is not None:
            ring.waits.append(self._tasks.spawn(self._reply(ring, self._settings.reply_after)))
        return PressOutcome(ring.event)

    def _call(self, ring: Ring, picture: ComingPicture | None = None) -> None:
        plan, wait_for = ring.plan, None
        ring.user_data["targets"] = list(plan.targets)
        if picture is not None:
            picture.user_data.add_done_callback(lambda made: ring.user_data.update(made.result()))
            wait_for = self._tasks.spawn(picture.wait())
        ring.conversation = self._client.call(
            plan.targets,
            user_data=ring.user_data,
            lifetime=plan.ring_time,
            mode=plan.mode,
            wait_for=wait_for,
        )
        self._tell_change()

    async def _ring_out(self, ring: Ring) -> None:
        """Round after round, until somebody takes it or nobody is left."""
        following: RingPlan | None = ring.plan
        while following is not None and ring.conversation is not None:
            ring.plan, conversation = following, ring.conversation
            status = await conversation.answered()
            if status is CallStatus.ACCEPTED:
                return
            record = await conversation.wait_closed()
            taken = record.reason is CloseReason.ANSWERED_ELSEWHERE
            if taken or ring.opened:
                return
            timed_out = record.reason in (CloseReason.INVITE_TIMEOUT, CloseReason.USER_BUSY)
            following = ring.plan.following(_answers(conversation)) if timed_out else None
            if following is not None:
                ring.plan = following
                try:
                    self._call(ring)
                except InvalidStateError:
                    break
        # what the visitor is saying goes on after the ring
        message = None if ring.reply is None else await asyncio.shield(ring.reply)
        self.events.missed(ring.event, message)

    async def _reply(self, ring: Ring, after: float) -> None:
        """Nobody has answered for so long: the visitor is told so."""
        await asyncio.sleep(after)
        if self.ports.nobody_home is not None:
            ring.reply = asyncio.ensure_future(self.ports.nobody_home())

    async def _broker_returns(self, within: float) -> bool:
        if self._broker.connected:
            return True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._connected.wait()
        return self._broker.connected

    # -- what is told ------------------------------------------------------------------------------

    def _tell_suppressed(
        self, event: wire.RingEvent, why: Suppressed, count: int | None = None
    ) -> wire.RingEvent:
        told = event.model_copy(update={"suppressed": why, "count": count})
        logger.info("the button %s was pressed, and nobody is called: %s", event.button, why)
        self.events.tell(told)
        return told

    def _tell_too_many(self, button: str, count: int) -> None:
        event = self.events.ring(button, self._plan(self._buttons[button]).targets)
        self._tell_suppressed(event, "rate_limited", count)

    def _tell_change(self) -> None:
        for observer in self._observers:
            observer()

    def _called(self, call: Conversation) -> None:
        """Somebody rings here."""
        decision = call.rules.decision if isinstance(call.rules, IncomingCall) else None
        if decision is not None and decision.action is Action.RING:
            self.ports.chime(call.remote_uid)

    def connection_changed(self, connected: bool) -> None:
        """The broker is there, or gone."""
        if connected:
            self._connected.set()
        else:
            self._connected.clear()


def _answers(conversation: Conversation) -> dict[str, tuple[CallStatus, str | None]]:
    """What each target has answered."""
    rules = conversation.rules
    if not isinstance(rules, OutgoingCall):
        return {}
    return {each.uid: (each.status, each.reason) for each in rules.targets if each.status}
