"""Views: whoever only looks (PROTOCOL 3, `purpose: view`), and the way from there to a talk.

A view goes one way and takes no line. It becomes a talk by a fresh transport whose offer sends
sound: from the moment that this is asked for, or let in, the line is taken; once that transport is
connected the call is a talk, and stays one. One that `listens` is different: nothing can be offered
to whoever looks, so its sound comes over the transport that there is; it is a talk while that
comes, and a view again. Where the transport comes to nothing, it was and is a
view.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.core.call.reasons import Direction, Purpose
from agent.core.call.values import MediaGrant


@dataclass(slots=True)
class Viewing:
    """Of one call. `generation` is the transport that would make a view a talk."""

    purpose: Purpose = Purpose.TALK
    generation: int | None = None
    # what may flow in that talk
    grant: MediaGrant = MediaGrant()  # noqa: RUF009 - frozen
    # why the last wish to talk came to nothing: a code, and a sentence
    refusal: tuple[str, str] | None = None
    # sound may come over the transport that there is, and makes it a talk for as long as it comes
    listens: bool = False

    @property
    def asks(self) -> bool:
        """Whether it is about to become a talk."""
        return self.generation is not None

    @property
    def looks(self) -> bool:
        """Whether it only looks, and so takes no line."""
        return self.purpose is Purpose.VIEW and not self.asks

    def narrow(self, grant: MediaGrant, direction: Direction) -> MediaGrant:
        """`grant`, as far as a view has it."""
        if self.purpose is Purpose.TALK:
            return grant
        if direction is Direction.INCOMING:
            return replace(grant, receives=False, listens=self.listens)
        return replace(grant, sends=False)

    def ask(self, generation: int, grant: MediaGrant) -> None:
        """The transport `generation` is made for a talk."""
        self.generation, self.grant, self.refusal = generation, grant, None

    def refuse(self, code: str, message: str) -> None:
        """It stays a view."""
        self.generation, self.refusal = None, (code, message)

    def look_again(self) -> None:
        self.purpose = Purpose.VIEW

    def become_talk(self) -> None:
        self.purpose, self.generation = Purpose.TALK, None
