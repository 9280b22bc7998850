"""What all messages share: their base, the types of their fields, and the way to bytes and back."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)

from agent.core.statistics.reports import Report
from agent.core.timestamps import format_time as format_time
from agent.core.timestamps import parse_time as parse_time
from agent.errors import MalformedMessage
from agent.signaling.protocol.json_limits import bounded
from agent.signaling.protocol.topics import UID_PATTERN

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")


def is_conversation(text: str) -> bool:
    """Whether `text` is a UUID in its usual form."""
    return _UUID.fullmatch(text) is not None


def conversation_key(conversation: str) -> str:
    """What two ids of one conversation have in common: the letters of a UUID have no case
    (RFC 9562, 4).
    """
    return conversation.lower()


def _check_time(text: str) -> str:
    parse_time(text)
    return text


Timestamp = Annotated[
    str,
    Field(max_length=40),
    AfterValidator(_check_time),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Uid = Annotated[str, StringConstraints(pattern=f"^{UID_PATTERN}$")]
# as it was written; compared by `conversation_key`
ConversationId = Annotated[str, StringConstraints(pattern=f"^{_UUID.pattern}$")]
PartyId = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")]
Code = Annotated[str, StringConstraints(min_length=1, max_length=64)]
MAX_SENTENCE = 500  # characters
Sentence = Annotated[str, StringConstraints(max_length=MAX_SENTENCE)]
Description = Annotated[str, StringConstraints(min_length=1, max_length=48 * 1024)]  # SDP
Token = Annotated[str, StringConstraints(min_length=1, max_length=8 * 1024)]  # a compact JWS
Lifetime = Annotated[float, Field(strict=True, ge=1, le=120)]  # seconds
Flag = Annotated[bool, Field(strict=True)]


def _without_fraction(value: Any) -> Any:
    """A whole number as an int, however it was written: `0.0` is an integer in JSON Schema, too,
    and some languages write no other.
    """
    return int(value) if isinstance(value, float) and value.is_integer() else value


# last in the `Annotated` of a strict int, so that it comes first
WHOLE = BeforeValidator(_without_fraction)
# how loud: 0 is mute
Loudness = Annotated[int, Field(strict=True, ge=0, le=100), WHOLE]


class WireModel(Report):
    """A message. `NULLABLE` names the fields that mean something when null, and so stay on the
    wire.
    """

    NULLABLE: ClassVar[frozenset[str]] = frozenset()


class SignalMessage(WireModel):
    """What every signalling message has."""

    type: str
    conversation: ConversationId
    party: PartyId


M = TypeVar("M", bound=BaseModel)


def encode(model: BaseModel) -> bytes:
    """Compact UTF-8 JSON in camelCase. What is not known (None, NaN) is left out, save where null
    has a meaning.
    """
    value = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    for name in sorted(getattr(model, "NULLABLE", ())):
        value.setdefault(name, None)
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        # rare, so looked for only now
        text = json.dumps(_known(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8")


def validated(model: type[M], value: dict[str, Any], where: str) -> M:
    """`value` as a `model`. Raises MalformedMessage `invalid`, with `where` and the field in its
    text.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        path = ".".join(
            [where, *(str(part) for part in fault["loc"] if str(part).isalnum())]
            # not pydantic's own marks
        )
        text = _plain(fault["type"], fault["msg"], fault.get("ctx", {}))
        raise MalformedMessage("invalid", bounded(f"{path}: {text}"), value) from None


def _known(value: Any) -> Any:
    """`value` without the numbers that JSON does not have."""
    if isinstance(value, dict):
        return {name: _known(each) for name, each in value.items() if not _unknown(each)}
    if isinstance(value, list):
        return [_known(each) for each in value if not _unknown(each)]
    return value


def _unknown(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


_PLAIN: dict[str, Callable[[dict[str, Any]], str]] = {
    "missing": lambda _: "is required",
    "greater_than_equal": lambda c: f"must be at least {c['ge']:g}",
    "less_than_equal": lambda c: f"must be at most {c['le']:g}",
    "string_type": lambda _: "must be a string",
    "string_too_short": lambda c: f"must have at least {c['min_length']} characters",
    "string_too_long": lambda c: f"must have at most {c['max_length']} characters",
    "string_pattern_mismatch": lambda c: f"must match {c['pattern']}",
    "too_short": lambda c: f"must have at least {c['min_length']} items",
    "too_long": lambda c: f"must have at most {c['max_length']} items",
    "int_type": lambda _: "must be a whole number",
    "float_type": lambda _: "must be a number",
    "bool_type": lambda _: "must be true or false",
    "model_type": lambda _: "must be an object",
    "tuple_type": lambda _: "must be an array",
    "enum": lambda c: f"must be {c['expected']}",
    "literal_error": lambda c: f"must be {c['expected']}",
    "value_error": lambda c: str(c["error"]),
}


def _plain(kind: str, message: str, context: dict[str, Any]) -> str:
    words = _PLAIN.get(kind)
    return words(context) if words is not None else message
