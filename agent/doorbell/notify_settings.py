"""The settings of the people and programs that are told of a visitor."""

from __future__ import annotations

import re
from string import Formatter
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from agent.options import OptionalSecret, Section, conflict

PLACEHOLDERS = ("uid", "button", "event", "time", "conversation", "targets")
# RFC 9110, section 5.6.2
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# what the request itself is made of
_OWN_HEADERS = {"host", "content-length", "transfer-encoding", "connection"}


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii():
        raise ValueError("should be an http:// or https:// address")
    if parts.username is not None or parts.password is not None:
        raise ValueError("should have no user or password in it; they belong in headers or token")
    if any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError("should have no white space in it")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("should have a port from 0 to 65535, or none") from None
    return url


def _check_template(text: str) -> str:
    """Braces that are meant as such are doubled, as in Python's `str.format`."""
    try:
        fields = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
        text.format_map(dict.fromkeys(PLACEHOLDERS, ""))
    except (ValueError, KeyError, IndexError, AttributeError):
        known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        raise ValueError(f"may hold {known}, and {{{{ and }}}} for braces") from None
    if unknown := [name for name in fields if name not in PLACEHOLDERS]:
        raise ValueError(f"{{{unknown[0]}}} is not known")
    return text


def _check_headers(headers: dict[str, str]) -> dict[str, str]:
    for name, text in headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN_HEADERS:
            raise ValueError(f"{name!r} cannot be set as a header")
        if not text.isprintable():
            raise ValueError(f"{name} should be one printable line")
        _check_template(text)
    return headers


class NotifySettings(Section):
    """One HTTP request for each ring, missed ring or opened door: ntfy, Gotify, a webhook, n8n. It
    is sent beside the call, never in its way, and once more after a failure. Nobody is told by
    default.
    """

    url: Annotated[str, AfterValidator(_check_url)] = Field(
        examples=["http://ntfy.home/door"], max_length=2048, description="Where it goes."
    )
    on: tuple[Literal["ring", "missed", "open"], ...] = Field(
        default=("ring",),
        min_length=1,
        description="What is told: ring (somebody pressed a button), missed (nobody answered), "
        "open (a door was opened). Presses that were held back as repeated are not told.",
    )
    method: Literal["POST", "PUT"] = Field(default="POST", description="POST or PUT.")
    headers: Annotated[dict[str, str], AfterValidator(_check_headers)] = Field(
        default={},
        max_length=20,
        description='Headers of the request, such as { Title = "{button}" }; they may hold what '
        "body may hold.",
    )
    body: Annotated[str, AfterValidator(_check_template)] = Field(
        default="{event} at {uid}",
        max_length=4096,
        description="The text. {uid} {button} {event} {time} {conversation} {targets} stand for "
        "what happened; braces of JSON are doubled.",
    )
    picture: bool = Field(
        default=False,
        description="Whether the visitor's picture goes along: the JPEG is the body then, and the "
        "text the header Message, as ntfy has it. Where there is no picture, the text is the body.",
    )
    token: OptionalSecret = Field(
        default=None,
        description="Sent as bearer (Authorization). Better kept in the credential "
        "notify__0__token (notify__1__token for the second [[notify]]).",
    )

    @model_validator(mode="after")
    def _authorized_once(self) -> Self:
        if self.token and any(name.lower() == "authorization" for name in self.headers):
            raise conflict("token", "is given as well as the header Authorization")
        return self
