"""The port to where the fleet is kept, and what is asked of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agent.errors import CallboxError
from agent.fleet.intake import Collected, Reject

Row = Mapping[str, Any]


class StoreUnavailable(CallboxError):  # noqa: N818 - as DB-API's own
    """The database is away, full or locked. The same batch may be written later."""


class StoreRefused(CallboxError):  # noqa: N818
    """The database does not take a value in the batch, now or later. Nothing of it was written."""


# rows
REJECTS_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Retention:
    """For how long what is kept: seconds."""

    records: float
    details: float
    """Health and statistics."""
    rejects: int = REJECTS_KEPT
    """Rows, not seconds."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch."""

    # those that were new, in order
    new: tuple[Collected, ...] = ()
    repeated: int = 0
    rejected: int = 0

    def __add__(self, other: Written) -> Written:
        return Written(
            self.new + other.new, self.repeated + other.repeated, self.rejected + other.rejected
        )


class FleetStore(Protocol):
    """Used by one thread. All methods raise StoreUnavailable."""

    def open(self) -> None:
        """Connect, and bring the tables up to date. Does nothing where it is open."""

    def close(self) -> None: ...

    def write(self, batch: Sequence[Collected | Reject]) -> Written:
        """One transaction: all of it is committed, or nothing. What was written before is not
        written again. Raises StoreRefused.
        """

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """A question, with `?` for each parameter."""

    def forget(self, uid: str) -> int:
        """Remove all that is kept of one caller. Returns how many rows held the uid."""

    def purge(self, now: int, retention: Retention) -> int:
        """Remove what is older than it may be at `now`, milliseconds. Returns the number of
        rows.
        """
