"""The settings of what a press of a button does: whom it rings, in which order, for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from agent.core.call.reasons import CallMode
from agent.core.policy.call_rate import CallRate
from agent.core.policy.schedule import Days, Hours
from agent.core.ring.ring_plan import RingList
from agent.options import TABLES, AnyPath, Duration, Section, Whole, conflict, none_if_empty

# seconds that one invitation lives at most (PROTOCOL 2)
LONGEST_RING = 120.0
MOST_TARGETS = 32


def _check_targets(targets: tuple[str, ...]) -> tuple[str, ...]:
    for uid in targets:
        if not _is_name(uid):
            raise ValueError(f"{uid!r} is not a uid; patterns are none, either")
    return targets


def _is_name(text: str) -> bool:
    """As PROTOCOL has it: 1 to 64 of letters, digits, '_', '.' and '-'."""
    plain = text.replace("_", "a").replace(".", "a").replace("-", "a")
    return 1 <= len(text) <= 64 and plain.isascii() and plain.isalnum() and text[0].isalnum()


def _parsed(
    kind: type[Days] | type[Hours] | type[CallRate], *, required: bool = False
) -> BeforeValidator:
    """As it was written; read by `kind`, which says what is wrong with it. Nothing is fine unless
    it is `required`.
    """

    def check(value: object) -> object:
        if required or value not in ("", None, (), []):
            kind.parse(value)
        return value

    return BeforeValidator(check)


TargetNames = Annotated[
    tuple[str, ...], Field(max_length=MOST_TARGETS), AfterValidator(_check_targets)
]
HoursText = Annotated[str, _parsed(Hours)]


class RingListSettings(Section):
    """Other targets, by time or for a button that names them. The first whose time it is counts;
    one without hours and days is found by its name alone.
    """

    name: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        examples=["night"], description="What it is called. Unique."
    )
    hours: HoursText = Field(
        default="",
        examples=["22:00-07:00"],
        description="The hours in which it counts, in the time zone of this machine.",
    )
    days: Annotated[tuple[str, ...], _parsed(Days)] = Field(
        default=(), description='The days on which it counts, such as ["mon-fri"].'
    )
    targets: TargetNames = Field(examples=[["bob"]], description="Who is rung then.")
    mode: Annotated[CallMode | None, BeforeValidator(none_if_empty)] = Field(
        default=None, description="parallel or sequential; as ring.mode unless given."
    )

    @property
    def as_list(self) -> RingList:
        """For the rules."""
        return RingList(
            self.name,
            self.targets,
            Days.parse(self.days) if self.days else None,
            Hours.parse(self.hours) if self.hours else None,
            self.mode,
        )


class RingSettings(Section):
    """What a press of a [[button]] does. Nobody is rung by default."""

    targets: TargetNames = Field(
        default=(),
        examples=[["alice", "bob"]],
        description="Who is rung: uids, no patterns.",
    )
    mode: CallMode = Field(
        default=CallMode.PARALLEL,
        description="parallel: all at once for ring_time; sequential: each in turn for ring_time.",
    )
    ring_time: Annotated[Duration, Field(ge=1, le=LONGEST_RING)] = Field(
        default=30.0, description="For how long it rings at somebody; 2m at most."
    )
    rounds: Annotated[Whole, Field(ge=1, le=10)] = Field(
        default=1, description="How often; who has refused is not rung again."
    )
    at_most: Annotated[str, _parsed(CallRate, required=True)] = Field(
        default="6/m",
        description="How often one button may ring. Presses within 5 s are one; what is beyond is "
        "told once a minute, with its number.",
    )
    snapshot: bool = Field(
        default=True,
        description="Whether a picture goes with the ring: retained on the topic snapshot for 24 "
        "hours, and a small one in the invitation.",
    )
    preview: bool = Field(
        default=False,
        description="Whether those who are rung may look, without sound, before they answer.",
    )
    do_not_disturb: HoursText = Field(
        default="",
        description="Hours in which nobody may ring here, such as 22:00-07:00: callers about whom "
        "a person would be asked are rejected (do_not_disturb). Whom a rule accepts gets through.",
    )
    reply_after: Annotated[Duration | None, BeforeValidator(none_if_empty)] = Field(
        default=None,
        description="Seconds after which nobody_home comes in, while it goes on ringing. None: "
        "never.",
    )
    nobody_home: str = Field(
        default="",
        max_length=64,
        description='What the visitor is told then: a message of the folder, or "record": the '
        "visitor may leave one.",
    )
    messages: AnyPath = Field(
        default=Path("/etc/callbox/messages"),
        description="The folder of what can be said: NAME.wav, NAME.opus and the like.",
    )
    list: Annotated[tuple[RingListSettings, ...], TABLES] = Field(
        default=(), max_length=16, description="Other targets; written as [[ring.list]]."
    )

    @property
    def rate(self) -> CallRate:
        """`at_most`, as it is read."""
        return CallRate.parse(self.at_most)

    @property
    def quiet(self) -> Hours | None:
        """`do_not_disturb`, as it is read."""
        return Hours.parse(self.do_not_disturb) if self.do_not_disturb else None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = [each.name for each in self.list]
        if len(set(names)) < len(names):
            raise conflict("list", "two of the lists have the same name")
        if self.reply_after is not None and not self.nobody_home:
            raise conflict("nobody_home", "is needed where reply_after is given")
        return self
