"""Whom the rules name that let somebody in: more of their invitations are looked at (PROTOCOL 8),
and what strangers use up is not theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate


class KnownCallers:
    """By the patterns of `accept` rules, and of `ring` rules. A pattern for anybody names nobody.

    Cannot be changed, so it may be asked from any thread.
    """

    def __init__(self, accepted: Iterable[str] = (), rung: Iterable[str] = ()) -> None:
        first, second = _naming(accepted), _naming(rung)
        self._accepted = _one_of(first)
        self._known = _one_of((*first, *second))
        self._anybody = bool(first or second)

    def __bool__(self) -> bool:
        """Whether anybody is named."""
        return self._anybody

    def __contains__(self, caller: str) -> bool:
        return self._known.match(caller) is not None

    def is_accepted(self, caller: str) -> bool:
        """Whether an `accept` rule names `caller`."""
        return self._accepted.match(caller) is not None


def _naming(patterns: Iterable[str]) -> tuple[str, ...]:
    return tuple(each for each in patterns if each.strip("*"))


def _one_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    # one expression, as it is asked in front of everything else
    return re.compile("|".join(map(translate, patterns)) or r"(?!)")


NOBODY = KnownCallers()
