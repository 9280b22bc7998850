"""A request that was read whole, and the answer to it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs, unquote, urlsplit

Headers = tuple[tuple[str, str], ...]
MAX_FIELDS = 16


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """`headers` by lower-case name, the last of each; `source` is the address that it comes from.
    The query is never shown: it may hold a token.
    """

    method: str
    path: str
    source: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    @classmethod
    def of(
        cls, method: str, target: str, headers: Headers, source: str, body: bytes = b""
    ) -> HttpRequest:
        """Raises ValueError for a target that cannot be read."""
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True, max_num_fields=MAX_FIELDS)
        return cls(
            method,
            unquote(parts.path),
            source,
            {name: values[-1] for name, values in query.items()},
            {name.lower(): value for name, value in headers},
            body,
        )

    @property
    def media_type(self) -> str:
        """Without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def token(self) -> str | None:
        """As bearer, as the password of a URL (RFC 7617), or in the query; None where there is
        none.
        """
        kind, _, given = self.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return given.strip()
        if kind.lower() == "basic":
            return _basic_password(given.strip())
        return self.query.get("token")

    @property
    def token_in_query(self) -> bool:
        return "authorization" not in self.headers and "token" in self.query

    @property
    def opens_websocket(self) -> bool:
        return self.headers.get("upgrade", "").lower() == "websocket"


def _basic_password(given: str) -> str:
    try:
        text = base64.b64decode(given, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return text.partition(":")[2]


@dataclass(slots=True)
class HttpAnswer:
    """`headers` may name one twice, as Link does."""

    status: HTTPStatus
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def text(cls, status: HTTPStatus, text: str, *headers: tuple[str, str]) -> HttpAnswer:
        """A sentence for people."""
        kind = ("Content-Type", "text/plain; charset=utf-8")
        return cls(status, f"{text}\n".encode(), [kind, *headers])
