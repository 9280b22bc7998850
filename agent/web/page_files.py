"""What the page is made of, and the headers that it is sent with."""

from __future__ import annotations

import http
import mimetypes
from collections.abc import Iterator
from email.utils import formatdate
from importlib.resources import files
from pathlib import Path

from websockets.datastructures import Headers
from websockets.http11 import Response

from agent.web.byte_range import NotInside, wanted_part

_PAGE_TYPES = {".html", ".js", ".css", ".svg", ".png", ".webmanifest"}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(self), fullscreen=(self)",
    "Cache-Control": "no-cache",
}
_PLAYED = ("audio/", "video/")
# A day, not a year: it counts for every port of that name, and so for other services there.
_TRANSPORT_SECURITY = "max-age=86400"


def page_folder() -> Path:
    """Where the page's own files are."""
    return Path(str(files("agent.web")))


def read_page(folder: Path) -> Iterator[tuple[str, tuple[bytes, str]]]:
    """Every file of the page, read once: nothing that a request names is ever looked up on the
    disk.
    """
    for path in sorted(folder.rglob("*")):
        if path.suffix in _PAGE_TYPES and path.is_file():
            kind = _kind(path)
            if kind.startswith("text/"):
                kind += "; charset=utf-8"
            yield path.relative_to(folder).as_posix(), (path.read_bytes(), kind)


def _kind(path: Path) -> str:
    if path.suffix == ".webmanifest":
        # which Python does not know before 3.14
        return "application/manifest+json"
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


class PageResponses:
    """Makes HTTP responses. `secure`: they go out over TLS."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure

    def found(
        self, body: bytes, kind: str, connect_sources: str = "", *, part: str | None = None
    ) -> Response:
        """`connect_sources`: where the page's scripts may connect to, besides here; `part`: the
        request's `Range`, which counts for what is played.
        """
        if not kind.startswith(_PLAYED):
            return self._response(http.HTTPStatus.OK, body, kind, connect_sources)
        status, whole, place = http.HTTPStatus.OK, len(body), None
        try:
            wanted = wanted_part(part, whole)
        except NotInside:
            status, place, body = http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "*", b""
        else:
            if wanted is not None:
                status, place = http.HTTPStatus.PARTIAL_CONTENT, f"{wanted[0]}-{wanted[-1]}"
                body = body[wanted.start : wanted.stop]
        response = self._response(status, body, kind, connect_sources)
        response.headers["Accept-Ranges"] = "bytes"
        if place is not None:
            response.headers["Content-Range"] = f"bytes {place}/{whole}"
        return response

    def plain(self, status: http.HTTPStatus, text: str) -> Response:
        return self._response(status, f"{text}\n".encode(), "text/plain; charset=utf-8", "")

    def _response(
        self, status: http.HTTPStatus, body: bytes, kind: str, connect_sources: str
    ) -> Response:
        headers = Headers(_HEADERS)
        headers["Content-Security-Policy"] = _content_security_policy(connect_sources)
        if self._secure:
            headers["Strict-Transport-Security"] = _TRANSPORT_SECURITY
        headers["Content-Type"] = kind
        headers["Content-Length"] = str(len(body))
        headers["Date"] = formatdate(usegmt=True)
        return Response(status, status.phrase, headers, body)


def _content_security_policy(connect_sources: str) -> str:
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        f"media-src 'self' blob:; connect-src 'self' {connect_sources}".rstrip()
        + "; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
