"""Signaling on top of a broker: effects in, inputs out; messages stay in here.

What is malformed is answered, within a limit for each sender. Retained signals, and topics that are
not ours, are acknowledged and left alone.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from agent import RELEASED
from agent.core.call import events as ev
from agent.core.call.decision import RateOutcome
from agent.core.call.delivery import Delivery
from agent.core.call.reasons import CallStatus
from agent.core.policy.known_callers import NOBODY, KnownCallers
from agent.core.policy.rate_limiter import RateLimiter
from agent.core.policy.throttle import Throttle
from agent.counts import RefusalKind, refusals
from agent.errors import MalformedMessage
from agent.ports import Signal
from agent.signaling.broker import Broker, Incoming
from agent.signaling.protocol import messages as wire
from agent.signaling.protocol.encoding import conversation_key, is_conversation
from agent.signaling.protocol.spellings import Spellings
from agent.signaling.protocol.topics import SignalTopic, Topics, is_uid
from agent.signaling.protocol.translation import invitation, to_input, to_message

logger = logging.getLogger(__name__)

# bytes; reading 64 KiB takes milliseconds, on a small board tens of them
_LARGE = 1024
# the last ones with whom there was a call
_REMOTE_UIDS = 32


class SignalingChannel:
    """The signals of one party of one uid; see `agent.ports.Signaling`.

    Made before the broker's context is entered, it also hears what the broker has kept. `now` is
    the time of day in Unix seconds.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        uid: str,
        prefix: str,
        party: str,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        known_callers: Callable[[], KnownCallers] = lambda: NOBODY,
        essential: bool = True,
    ) -> None:
        """`essential`: without the subscription to what is said to us there is no connection."""
        self.uid = uid
        self.party = party
        self._broker = broker
        self._topics = Topics(prefix)
        self._now = now
        self._monotonic = monotonic
        # how often each sender is told what is wrong with its messages
        self._complaints = RateLimiter()
        # of the data channels; what the broker brings is throttled before it gets here
        self._controls = Throttle()
        # the core knows a conversation by its key; who invited reads its own form of the id
        self._spellings = Spellings()
        self._known_callers = known_callers
        # whom we have invited or ACCEPTED; the network thread reads it
        self._remote_uids: OrderedDict[str, None] = OrderedDict()
        self._signals = broker.subscribe(
            self._topics.signals_for(uid),
            essential=essential,
            throttle=Throttle(is_known=self._is_of_somebody_known).by(monotonic),
        )

    @property
    def connected(self) -> bool:
        return self._broker.connected

    # -- out ---------------------------------------------------------------------------------------

    def check_invitation(self, to: Sequence[str], lifetime: float, user_data: Any) -> None:
        """Raises ValueError for what no invitation can carry."""
        for uid in to:
            if not is_uid(uid):
                raise ValueError(f"{uid!r} is not a uid")
        try:
            wire.Invite(
                conversation=wire.NO_CONVERSATION,
                party="-",
                sdp="-",
                sent_at=wire.format_time(0),
                lifetime=lifetime,
                user_data=user_data,
            )
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            raise ValueError(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None

    def send(
        self, effect: ev.SignalEffect, *, to: str, conversation: str, clock_offset: float = 0.0
    ) -> asyncio.Future[Delivery]:
        """Send the message that `effect` means to the uid `to`."""
        accepts = isinstance(effect, ev.SendResponse) and effect.status is CallStatus.ACCEPTED
        if accepts or isinstance(effect, ev.SendInvite):
            self._remember(to)
        return self.publish(to, self._message(effect, conversation, clock_offset))

    def _remember(self, remote_uid: str) -> None:
        self._remote_uids[remote_uid] = None
        self._remote_uids.move_to_end(remote_uid)
        if len(self._remote_uids) > _REMOTE_UIDS:
            self._remote_uids.popitem(last=False)

    def publish(self, to: str, message: wire.SignalMessage) -> asyncio.Future[Delivery]:
        """Send `message` to the uid `to`; an invitation for as long as it lives."""
        expiry = max(1, math.ceil(message.lifetime)) if isinstance(message, wire.Invite) else None
        return self._broker.publish(
            self._topics.signal(to, self.uid), wire.encode(message), expiry=expiry
        )

    def encode_control(
        self, effect: ev.SignalEffect, *, conversation: str, clock_offset: float = 0.0
    ) -> str:
        return wire.encode(self._message(effect, conversation, clock_offset)).decode()

    def _message(
        self, effect: ev.SignalEffect, conversation: str, clock_offset: float
    ) -> wire.SignalMessage:
        wall = self._now() + clock_offset
        conversation = self._spellings.of(conversation)
        return to_message(effect, conversation=conversation, party=self.party, wall=wall)

    # -- in ----------------------------------------------------------------------------------------

    async def receive(self) -> Signal:
        """The next signal. Its `ack()` is the caller's, once it has been dealt with."""
        while True:
            incoming = await self._signals.receive()
            if len(incoming.payload) > _LARGE:
                # where many wait, nothing else has let pictures and deadlines have their turn
                await asyncio.sleep(0)
            signal = self._read(incoming)
            if signal is not None:
                return signal
            incoming.ack()

    def decode_control(self, sender: str, text: str) -> Signal | None:
        """What a text on the data channel with `sender` says; None where it cannot be read."""
        now = self._monotonic()
        if not self._controls.admit(sender, len(text), now):
            refusals.count(RefusalKind.MESSAGE)
            return None
        try:
            return self._signal(sender, wire.parse_signal(text.encode("utf-8", "surrogatepass")))
        except MalformedMessage as fault:
            refusals.count(RefusalKind.MESSAGE)
            if self._complaints.judge(sender, now) is RateOutcome.ADMIT:
                logger.info("refused on the data channel of %s: %s", sender, fault)
            return None

    def _is_of_somebody_known(self, topic: str) -> bool:
        """Whether what strangers use up is not that of such a message. In the network thread."""
        sender = topic.rpartition("/")[2]
        return sender in self._remote_uids or sender in self._known_callers()

    def _read(self, incoming: Incoming) -> Signal | None:
        """None for what is not for us, or was answered here."""
        topic = self._topics.parse(incoming.topic)
        if not isinstance(topic, SignalTopic) or topic.to != self.uid or incoming.retain:
            logger.debug("ignored: %s, retained: %s", incoming.topic, incoming.retain)
            return None
        try:
            message = wire.parse_signal(incoming.payload)
        except MalformedMessage as fault:
            self._complain(topic.sender, fault)
            return None
        signal = self._signal(topic.sender, message)
        if signal is not None:
            signal.ack = incoming.ack
        return signal

    def _signal(self, sender: str, message: wire.SignalMessage) -> Signal | None:
        key = conversation_key(message.conversation)
        if isinstance(message, wire.Invite):
            self._spellings.note(message.conversation)
            invited = invitation(sender, message, age=self._age(message.sent_at_unix))
            return Signal(sender, key, invited)
        event = to_input(sender, message)
        return None if event is None else Signal(sender, key, event)

    def _age(self, sent_at: float) -> float | None:
        wall = self._now()
        # a Pi without a network boots in the past
        return wall - sent_at if wall >= RELEASED else None

    def _complain(self, sender: str, fault: MalformedMessage) -> None:
        """Tell `sender` what is wrong with its message, as often as it may be told."""
        refusals.count(RefusalKind.MESSAGE)
        if self._complaints.judge(sender, self._monotonic()) is not RateOutcome.ADMIT:
            return
        logger.info("refused from %s: %s", sender, fault)
        conversation, kind = _salvage(fault.value)
        if kind == "error":
            # two sides never send each other errors about errors
            return
        message = wire.Error(
            conversation=conversation or wire.NO_CONVERSATION,
            party=self.party,
            code=fault.code,
            message=str(fault),
        )
        self.publish(sender, message)


def _salvage(value: Mapping[str, object]) -> tuple[str | None, str | None]:
    """Conversation and type of a message that is malformed elsewhere."""
    conversation, kind = value.get("conversation"), value.get("type")
    return (
        conversation if isinstance(conversation, str) and is_conversation(conversation) else None,
        kind if isinstance(kind, str) else None,
    )
