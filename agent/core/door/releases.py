"""Whether a door is released for somebody who may have it: in time, with its code, and once."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from agent.core.door.code_tries import CodeTries

# seconds between the time at which it was asked for and ours
FRESH = 10.0
# answers that are kept, and for how long in seconds: longer than what is asked stays fresh
MAX_ANSWERS = 256
MEMORY = 120.0


class OpenRefusal(StrEnum):
    """Why a door stays shut (PROTOCOL 2)."""

    NOT_ALLOWED = "not_allowed"
    STALE = "stale"
    CLOCK_UNSET = "clock_unset"
    NO_SUCH_OUTPUT = "no_such_output"
    WRONG_CODE = "wrong_code"
    LOCKED = "locked"

    @property
    def words(self) -> str:
        return _WORDS[self]


_WORDS = {
    OpenRefusal.NOT_ALLOWED: "you may not have a door released, or not any more",
    OpenRefusal.STALE: "it was not asked for just now, by the time of this device",
    OpenRefusal.CLOCK_UNSET: "this device does not know the time yet",
    OpenRefusal.NO_SUCH_OUTPUT: "there is no such door",
    OpenRefusal.WRONG_CODE: "the code is not right",
    OpenRefusal.LOCKED: "too many wrong codes: try again in ten minutes",
}


@dataclass(frozen=True, slots=True)
class Door:
    """`code`: what must come with it, if anything."""

    name: str
    code: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """Somebody asks for a door. `issued` is the time of day of that, in Unix seconds."""

    who: str
    issued: float | None
    output: str | None = None
    code: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class OpenVerdict:
    """The door `output` is released, or stays shut because of `refusal`."""

    output: str | None
    refusal: OpenRefusal | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """Now: `monotonic` by a clock that is never set, `wall` in Unix seconds."""

    monotonic: float
    wall: float
    clock_is_set: bool = True


class Releases:
    """Judges who has the right. The first door is meant where none is named."""

    def __init__(self, doors: Sequence[Door]) -> None:
        self._doors = {door.name: door for door in doors}
        self._tries = CodeTries()
        self._answers: OrderedDict[Hashable, tuple[float, OpenVerdict]] = OrderedDict()

    @property
    def first(self) -> str | None:
        """The door that is meant where none is named."""
        return next(iter(self._doors), None)

    def judge(self, asked: OpenRequest, now: Moment) -> OpenVerdict:
        """A wrong code counts; nothing else is remembered."""
        door = self._doors.get(asked.output or self.first or "")
        output = asked.output if door is None else door.name
        refusal = self._fault(asked, door, now)
        return OpenVerdict(output, refusal)

    def _fault(self, asked: OpenRequest, door: Door | None, now: Moment) -> OpenRefusal | None:
        if not now.clock_is_set and asked.issued is not None:
            return OpenRefusal.CLOCK_UNSET
        # written so that what is no number is not fresh
        if asked.issued is None or not abs(now.wall - asked.issued) <= FRESH:
            return OpenRefusal.STALE
        if door is None:
            return OpenRefusal.NO_SUCH_OUTPUT
        return None if door.code is None else self._check_code(asked, door.code, now.monotonic)

    def _check_code(self, asked: OpenRequest, code: str, now: float) -> OpenRefusal | None:
        if self._tries.locked(asked.who, now):
            return OpenRefusal.LOCKED
        if asked.code is None:
            # nothing was guessed
            return OpenRefusal.WRONG_CODE
        if hmac.compare_digest(asked.code.encode(), code.encode()):
            return None
        self._tries.wrong(asked.who, now)
        return OpenRefusal.WRONG_CODE

    # -- once --------------------------------------------------------------------------------------

    def before(self, key: Hashable, now: float) -> OpenVerdict | None:
        """What was answered to the very same message, which came again."""
        while self._answers and next(iter(self._answers.values()))[0] <= now - MEMORY:
            self._answers.popitem(last=False)
        found = self._answers.get(key)
        return None if found is None else found[1]

    def remember(self, key: Hashable, verdict: OpenVerdict, now: float) -> None:
        self._answers[key] = (now, verdict)
        if len(self._answers) > MAX_ANSWERS:
            self._answers.popitem(last=False)
