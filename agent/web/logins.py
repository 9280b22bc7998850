"""Who may open the page: its password, how fast it may be tried, and the cookie of a session.

Pure: time is an argument, in seconds of a monotonic clock.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
from collections import OrderedDict
from dataclasses import dataclass

COOKIE = "callbox_session"
SESSION_LIFETIME = 24 * 3600.0  # seconds

# wrong passwords of one source that cost nothing: people mistype
FREE_TRIES = 3
LONGEST_PAUSE = 60.0
# seconds after which a source's wrong passwords are forgotten
FORGET_AFTER = 900.0
# wrong passwords of all sources together: so many at once, and one more each second
BURST = 20
REFILL = 1.0
MAX_SOURCES = 1024


class LoginThrottle:
    """Slows down who guesses: each source by itself, and all together.

    A source's pause doubles with each wrong password after FREE_TRIES, up to LONGEST_PAUSE. All
    sources together have BURST wrong passwords and REFILL more a second; while they are used up
    only a source that has logged in before may try. So at most about one password a second is
    looked at, however many sources guess. Memory is bounded by MAX_SOURCES.
    """

    def __init__(self) -> None:
        self._sources: OrderedDict[str, _Source] = OrderedDict()
        self._left = float(BURST)
        self._refilled_at = 0.0

    def pause(self, source: str, now: float) -> float:
        """Seconds until `source` may try a password; 0 for now."""
        known = self._known(source, now)
        if known is not None and known.next_try_at > now:
            return known.next_try_at - now
        if known is not None and known.has_logged_in:
            return 0.0
        self._refill(now)
        return 0.0 if self._left >= 1 else (1 - self._left) / REFILL

    def failed(self, source: str, now: float) -> int:
        """A wrong password. Returns how many it were in a row."""
        self._refill(now)
        self._left = max(0.0, self._left - 1)
        known = self._known(source, now) or _Source()
        known.failures += 1
        known.last_at = now
        if known.failures >= FREE_TRIES:
            doublings = min(known.failures - FREE_TRIES, 16)
            known.next_try_at = now + min(2.0**doublings, LONGEST_PAUSE)
        self._remember(source, known)
        return known.failures

    def succeeded(self, source: str, now: float) -> None:
        """The right password: what was wrong before is forgotten."""
        self._remember(source, _Source(last_at=now, has_logged_in=True))

    def _refill(self, now: float) -> None:
        passed = max(0.0, now - self._refilled_at)
        self._refilled_at = now
        self._left = min(float(BURST), self._left + passed * REFILL)

    def _known(self, source: str, now: float) -> _Source | None:
        known = self._sources.get(source)
        if known is not None and not known.has_logged_in and now - known.last_at > FORGET_AFTER:
            del self._sources[source]
            return None
        return known

    def _remember(self, source: str, known: _Source) -> None:
        self._sources[source] = known
        self._sources.move_to_end(source)
        while len(self._sources) > MAX_SOURCES:
            self._sources.popitem(last=False)


@dataclass(slots=True)
class _Source:
    failures: int = 0
    last_at: float = 0.0
    next_try_at: float = 0.0
    has_logged_in: bool = False


class Sessions:
    """Cookies that say until when they let somebody in, authenticated by `key`: nothing is kept."""

    def __init__(self, key: bytes, lifetime: float = SESSION_LIFETIME) -> None:
        self._key = key
        self.lifetime = lifetime

    def issue(self, now: float) -> str:
        """The value of a cookie that is good from `now` on for `lifetime` seconds."""
        end = str(math.floor(now + self.lifetime))
        return f"{end}.{self._proof(end)}"

    def holds(self, value: str, now: float) -> bool:
        """Whether `value`, which may be anything, is one of ours and not over."""
        end, _, proof = value.partition(".")
        if not hmac.compare_digest(_bytes(proof), self._proof(end).encode()):
            return False
        return now < int(end) <= now + self.lifetime

    def _proof(self, end: str) -> str:
        digest = hmac.digest(self._key, _bytes(end), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def session_of(cookies: str) -> str | None:
    """The value of our cookie in a `Cookie` header (RFC 6265 5.4), whatever stands around it.

    Cookies of other services on the same host are none of our business, well-formed or not.
    """
    for pair in cookies.split(";"):
        name, separator, value = pair.partition("=")
        if separator and name.strip() == COOKIE:
            return value.strip()
    return None


def basic_password(authorization: str) -> bytes | None:
    """The password of an `Authorization` header of RFC 7617; None where there is none."""
    kind, _, given = authorization.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        text = base64.b64decode(given.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    return text.partition(b":")[2]


def is_password(given: bytes, password: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(given, password.encode())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
