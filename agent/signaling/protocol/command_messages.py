"""What an operator may ask of a device, and how it answers (PROTOCOL 6). The verb stands in the
topic.
"""

from __future__ import annotations

import contextlib
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from agent.core.call.reasons import CallMode
from agent.errors import MalformedMessage
from agent.signaling.protocol.door_messages import DoorCode, OutputName
from agent.signaling.protocol.encoding import (
    Code,
    ConversationId,
    Flag,
    Lifetime,
    Loudness,
    Sentence,
    Timestamp,
    Uid,
    WireModel,
    conversation_key,
    validated,
)
from agent.signaling.protocol.json_limits import bounded, read_object

# seconds: a week
MAX_SILENCE = 7 * 86_400
MessageName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]

_Conversation = Annotated[ConversationId, AfterValidator(conversation_key)]


class Command(WireModel):
    """What every command may carry: an `id`, which comes back in its result, and when it was sent.

    An `id` is carried out once within an hour.
    """

    id: Annotated[str, Field(max_length=64)] | None = None
    issued_at: Timestamp | None = None

    @property
    def once(self) -> str | None:
        """By what a repetition is known."""
        return self.id


class CallCommand(Command):
    """Invite `to`: all at once, or one after the other."""

    to: Annotated[tuple[Uid, ...], Field(min_length=1, max_length=16)]
    mode: CallMode = CallMode.PARALLEL
    lifetime: Lifetime = 30


class AcceptCommand(Command):
    """Accept the invitation that rings; while the device rings out, have one who looks talk.
    `conversation` where several might.
    """

    conversation: _Conversation | None = None


class RejectCommand(Command):
    """Refuse the invitation that rings."""

    conversation: _Conversation | None = None


class CloseCommand(Command):
    """End the conversation; without a name, every one."""

    conversation: _Conversation | None = None


class MuteCommand(Command):
    """Stop (true) or resume (false) sending a kind of media; a kind left out stays as it is."""

    audio: Flag | None = None
    video: Flag | None = None


class SnapshotCommand(Command):
    """Take a still picture."""


class ReloadCommand(Command):
    """Read the policy and those settings that can change while running once more."""


class PolicyCommand(Command):
    """Let every invitation meet `override` until a time, or for 24 hours; null returns to the
    rules.
    """

    NULLABLE: ClassVar[frozenset[str]] = frozenset({"override"})

    override: Literal["accept", "reject", "ring"] | None
    until: Timestamp | None = None


class VolumeCommand(Command):
    """How loud an end is, 0 (mute) to 100, over a restart; one left out stays as it is."""

    speaker: Loudness | None = None
    microphone: Loudness | None = None


class OpenCommand(Command):
    """Release a door, the first one unless `output` names another. `issuedAt` is required."""

    output: OutputName | None = None
    code: DoorCode | None = Field(default=None, repr=False)

    @property
    def once(self) -> str | None:
        if self.id is not None or self.issued_at is None:
            return self.id
        # no `id` holds the first character
        return f"\0{self.output or ''}\0{self.issued_at}"


class PrivacyCommand(Command):
    """Close camera and microphone, and keep them closed, over a restart; or take that back."""

    on: Flag


class SilenceCommand(Command):
    """No chime sounds for so long; 0: they sound again. Rings are told all the same."""

    seconds: Annotated[float, Field(strict=True, ge=0, le=MAX_SILENCE)]


class SayCommand(Command):
    """Play a message of the device's folder at the door, and into its calls."""

    message: MessageName


class MessagesCommand(Command):
    """List what visitors left."""


class PlayCommand(Command):
    """Play what a visitor left, at the device."""

    name: MessageName


class DeleteCommand(Command):
    """Remove what a visitor left."""

    name: MessageName


class CommandResult(WireModel):
    """What became of a command. Further fields belong to the verb."""

    model_config = ConfigDict(extra="allow")

    ok: bool
    code: Code | None = None
    message: Sentence | None = None

    @classmethod
    def success(cls, **fields: Any) -> CommandResult:
        """Done. `fields` become camelCase."""
        return cls(ok=True, **{to_camel(name): value for name, value in fields.items()})

    @classmethod
    def failure(cls, code: str, message: str) -> CommandResult:
        return cls(ok=False, code=bounded(code)[:64], message=bounded(message))


COMMANDS: dict[str, type[Command]] = {
    "call": CallCommand,
    "accept": AcceptCommand,
    "reject": RejectCommand,
    "close": CloseCommand,
    "mute": MuteCommand,
    "snapshot": SnapshotCommand,
    "reload": ReloadCommand,
    "policy": PolicyCommand,
    "volume": VolumeCommand,
    "open": OpenCommand,
    "privacy": PrivacyCommand,
    "silence": SilenceCommand,
    "say": SayCommand,
    "messages": MessagesCommand,
    "play": PlayCommand,
    "delete": DeleteCommand,
}


def parse_command(verb: str, payload: bytes) -> Command:
    """The command that `verb` and `payload` make; an empty payload is `{}`. Raises MalformedMessage
    only.
    """
    model = COMMANDS.get(verb)
    if model is None:
        value: dict[str, Any] = {}
        with contextlib.suppress(MalformedMessage):
            value = read_object(payload)
        raise MalformedMessage("unknown_verb", bounded(f"{verb!r} is not a command"), value)
    return validated(model, read_object(payload) if payload else {}, verb)
