"""Who may open a page: which names and sites, and who has the password."""

from __future__ import annotations

import http
import logging
import math
import secrets
import time

from websockets.datastructures import Headers
from websockets.http11 import Response

from agent.counts import RefusalCounts, RefusalKind, refusals
from agent.web.listener import source_of
from agent.web.log_budget import LogBudget
from agent.web.logins import (
    COOKIE,
    LoginThrottle,
    Sessions,
    basic_password,
    is_password,
    session_of,
)
from agent.web.origins import TrustedOrigins
from agent.web.page_files import PageResponses
from agent.web.web_options import WebOptions

logger = logging.getLogger(__name__)

BACKGROUND = "Callbox-Background"
"""The header of a request of the page's own, which no person waits for."""


class PageAccess:
    """Judges each request, and makes its responses. Used in the server's own thread."""

    def __init__(self, options: WebOptions, counts: RefusalCounts = refusals) -> None:
        self.responses = PageResponses(secure=options.certificate is not None)
        self._options = options
        self._counts = counts
        self._trusted = TrustedOrigins(options.scheme, options.is_loopback, options.origins)
        self._throttle = LoginThrottle()
        self._sessions = Sessions(secrets.token_bytes(32))
        self._log_budget = LogBudget()

    def refusal(self, address: str, headers: Headers) -> Response | None:
        """Why this request is not answered, by its Host and its password; None: it is."""
        if not self._trusted.allows_host(one_header(headers, "Host") or ""):
            return self._refuse_site(headers, "This page is only for this machine.")
        return self._check_password(self._source(address, headers), headers)

    def refusal_of_origin(self, headers: Headers) -> Response | None:
        """Why this WebSocket is not opened; None: it may be."""
        host = one_header(headers, "Host") or ""
        if self._trusted.allows_origin(one_header(headers, "Origin"), host):
            return None
        return self._refuse_site(headers, "Another site may not speak for you here.")

    def found(self, body: bytes, kind: str, headers: Headers) -> Response:
        """A document, and a session for a browser that has given the password."""
        host = one_header(headers, "Host") or ""
        # without a validator, of which there is none, a condition is not met
        part = None if headers.get_all("If-Range") else one_header(headers, "Range")
        sources = self._trusted.websocket_sources(host)
        response = self.responses.found(body, kind, sources, part=part)
        if self._options.password:
            # Not every browser sends the password along with a WebSocket; every one sends a cookie.
            secure = "; Secure" if self._options.certificate else ""
            response.headers["Set-Cookie"] = (
                f"{COOKIE}={self._sessions.issue(time.monotonic())}; Path=/; HttpOnly; "
                f"SameSite=Strict; Max-Age={self._sessions.lifetime:.0f}{secure}"
            )
        return response

    def _refuse_site(self, headers: Headers, text: str) -> Response:
        self._counts.count(RefusalKind.CONNECTION)
        if self._log_budget.may_log(time.monotonic()):
            logger.warning(
                "refused: Host %.200r, Origin %.200r; a proxy of yours belongs into web.origins",
                one_header(headers, "Host"),
                one_header(headers, "Origin"),
            )
        return self.responses.plain(http.HTTPStatus.FORBIDDEN, text)

    def _source(self, address: str, headers: Headers) -> str:
        """Who tries a password: a trusted proxy on this machine tells for whom it asks."""
        source, local = source_of(address)
        if local and self._options.origins:
            forwarded = headers.get_all("X-Forwarded-For")
            last = forwarded[-1].rpartition(",")[2].strip() if forwarded else ""
            return source_of(last)[0] if last else source
        return source

    def _check_password(self, source: str, headers: Headers) -> Response | None:
        password = self._options.password
        if not password:
            return None
        now = time.monotonic()
        cookie = session_of("; ".join(headers.get_all("Cookie")))
        if cookie is not None and self._sessions.holds(cookie, now):
            return None
        given = basic_password(one_header(headers, "Authorization") or "")
        if given is None:
            return self._ask_password(headers)
        pause = self._throttle.pause(source, now)
        if pause > 0:
            self._counts.count(RefusalKind.LOGIN)
            return self._slow_down(pause)
        if is_password(given, password):
            self._throttle.succeeded(source, now)
            return None
        self._counts.count(RefusalKind.LOGIN)
        row = self._throttle.failed(source, now)
        logger.warning("a wrong password for the page from %s (%d in a row)", source, row)
        return self._ask_password(headers)

    def _ask_password(self, headers: Headers) -> Response:
        """A page that asks in the background is told without a challenge, for which the browser
        would open its form each time.
        """
        denied = self.responses.plain(http.HTTPStatus.UNAUTHORIZED, "A password is needed.")
        if not headers.get_all(BACKGROUND):
            denied.headers["WWW-Authenticate"] = 'Basic realm="callbox", charset="UTF-8"'
        return denied

    def _slow_down(self, pause: float) -> Response:
        denied = self.responses.plain(
            http.HTTPStatus.TOO_MANY_REQUESTS, "Too many wrong passwords. Wait, and try again."
        )
        denied.headers["Retry-After"] = str(math.ceil(pause))
        return denied


def one_header(headers: Headers, name: str) -> str | None:
    """A header's value; None without one. One that stands there twice becomes of no use."""
    values = headers.get_all(name)
    return ", ".join(values) if values else None
