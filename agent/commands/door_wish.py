"""`callbox call --open`: the door of whoever is called, once the call stands."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.client.conversation import Conversation
from agent.commands.call_display import Display
from agent.core.call.machine import State
from agent.core.call.reasons import CallStatus
from agent.errors import CallError


@dataclass(frozen=True, slots=True)
class DoorWish:
    """`output` None: the first door. `code`: what it asks for."""

    output: str | None = None
    code: str | None = field(default=None, repr=False)

    async def carry_out(self, conversation: Conversation, show: Display) -> bool | None:
        """Ask for it as soon as the call was accepted, and show what comes of it: whether it was
        released, None where it was not asked for.
        """
        accepted = await conversation.answered() is CallStatus.ACCEPTED
        if not accepted or conversation.state is State.CLOSED:
            return None
        try:
            output = await conversation.open(self.output, self.code)
        except CallError as error:
            show.door_refused(error)
            return False
        show.door_opened(output)
        return True
