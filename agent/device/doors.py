"""Who has a door released: by signal in a call, by command, or by hand (PROTOCOL 2, 3, 6)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from agent.client.call_client import CallClient
from agent.client.conversation import Conversation
from agent.client.door_requests import DoorAsked
from agent.core.call import events as ev
from agent.core.door.release_rights import Holder, ReleaseRights
from agent.core.door.releases import (
    Door,
    Moment,
    OpenRefusal,
    OpenRequest,
    OpenVerdict,
    Releases,
)
from agent.core.statistics.reports import CallRecord
from agent.counts import RefusalKind, refusals
from agent.device.clock_watch import is_set
from agent.device.output_bank import OutputBank
from agent.device.output_events import COMMAND, OutputEvents
from agent.doorbell.output_settings import OutputKind, OutputSettings
from agent.errors import RefusedError
from agent.signaling.protocol import messages as wire

logger = logging.getLogger(__name__)


class Doors:
    """Answers every `open` that `client` hears. `may_open` says what the rules say of a uid now.
    Clocks: Unix seconds, and one that is never set.
    """

    def __init__(
        self,
        client: CallClient,
        outputs: Iterable[OutputSettings],
        bank: OutputBank,
        events: OutputEvents,
        may_open: Callable[[str], bool],
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bank = bank
        self._events = events
        self._may_open = may_open
        self._observers: list[Callable[[], None]] = []
        self._wall = wall
        self._monotonic = monotonic
        self._rights = ReleaseRights()
        self._releases = Releases(
            [
                Door(each.name, each.code.get_secret_value() if each.code else None)
                for each in outputs
                if each.kind is OutputKind.DOOR
            ]
        )
        client.on("open", self._asked)
        client.subscribe(self._on_event)

    def on_open(self, observer: Callable[[], None]) -> None:
        """Call `observer` after each release, for as long as this lives."""
        self._observers.append(observer)

    def by_command(self, command: wire.OpenCommand) -> str:
        """Release the door that an operator names; which. Raises RefusedError."""
        issued = None if command.issued_at is None else wire.parse_time(command.issued_at)
        request = OpenRequest(COMMAND, issued, command.output, command.code)
        verdict = self._carry_out(request, self._releases.judge(request, self._now()), None)
        if verdict.refusal is not None:
            # `health` tells of commands alone: whoever guesses a code is to be seen there
            refusals.count(RefusalKind.COMMAND)
            raise _refused(verdict.refusal, self._wall())
        return verdict.output or ""

    def by_hand(self, output: str, by: str) -> None:
        """Release a door for whoever stands inside. Raises RefusedError or NotSupportedError."""
        self._release(output, by, None)

    def _on_event(self, conversation: Conversation, _name: str, event: Any) -> None:
        if isinstance(event, CallRecord):
            self._rights.ended(conversation.rules, self._monotonic())

    def _asked(self, asked: DoorAsked) -> None:
        request, now = asked.request, self._monotonic()
        holder = self._rights.holder(asked.conversation, asked.call, now)
        # events go by the id that the call had first
        told_as = asked.call.conversation if asked.call is not None else asked.conversation
        if not self._lets(holder, request):
            verdict = OpenVerdict(request.output, OpenRefusal.NOT_ALLOWED)
            self._refuse(verdict, request.uid, told_as)
            self._answer(asked, verdict)
            return
        key = (asked.conversation, request.uid, request.party, request.issued)
        before = self._releases.before(key, now)
        if before is None:
            judged = OpenRequest(request.uid, request.issued, request.output, request.code)
            try:
                before = self._carry_out(judged, self._releases.judge(judged, self._now()), told_as)
            except RefusedError as error:
                asked.answer(ev.SendOpenRefused(error.code, str(error)))
                return
            self._releases.remember(key, before, now)
        self._answer(asked, before)

    def _lets(self, holder: Holder | None, request: ev.OpenReceived) -> bool:
        if holder is None or (holder.uid, holder.party) != (request.uid, request.party):
            return False
        return self._may_open(holder.uid) if holder.open is None else holder.open

    def _carry_out(
        self, request: OpenRequest, verdict: OpenVerdict, conversation: str | None
    ) -> OpenVerdict:
        if verdict.refusal is not None:
            self._refuse(verdict, request.who, conversation)
        else:
            assert verdict.output is not None  # noqa: S101 - for the type checker
            self._release(verdict.output, request.who, conversation)
        return verdict

    def _release(self, output: str, by: str, conversation: str | None) -> None:
        self._bank.switch(output, True, by, conversation=conversation)
        logger.info("the door %s was released for %s", output, by)
        for observer in self._observers:
            observer()

    def _refuse(self, verdict: OpenVerdict, who: str, conversation: str | None) -> None:
        assert verdict.refusal is not None  # noqa: S101 - for the type checker
        self._events.refused(verdict.output, who, verdict.refusal.value, conversation)

    def _answer(self, asked: DoorAsked, verdict: OpenVerdict) -> None:
        if verdict.refusal is None:
            asked.answer(ev.SendOpened(verdict.output or "", asked.request.issued_at))
            return
        refused = _refused(verdict.refusal, self._wall())
        asked.answer(ev.SendOpenRefused(refused.code, str(refused), refused.now))

    def _now(self) -> Moment:
        wall = self._wall()
        return Moment(self._monotonic(), wall, is_set(wall))


def _refused(refusal: OpenRefusal, wall: float) -> RefusedError:
    now = wall if refusal is OpenRefusal.STALE else None
    return RefusedError(refusal.value, refusal.words, now)
